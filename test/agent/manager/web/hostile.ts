/** Strings that somebody might put into a job's name or an agent's report to do harm where it is shown. */
import fc from "fast-check";

const known = [
  "<script>alert(1)</script>",
  '"><img src=x onerror=alert(1)>',
  "</title></main><h1>gone</h1>",
  "'; DROP TABLE jobs; --",
  "a\r\nevent: state\r\ndata: {}\r\n\r\n",
  "\ndata: forged\n\n",
  "\u202egnp.exe",
  "\u2066a\u2069\u200f\u061c",
  "\u001b[2J\u001b]0;owned\u0007",
  "\u0000\u0008\u007f\u0085",
  "\u2028\u2029\ufeff\u00ad\u200b",
  '\\"}\nmuster_jobs_waiting{pool="a"} 999',
  "\ud800",
  "{{constructor.constructor('x')()}}",
  "&lt;b&gt;&amp;",
  "__proto__",
];

/** One of the known ones, or anything, with pieces of the known ones inside. */
export const hostile: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom(...known),
  fc
    .array(fc.oneof(fc.constantFrom(...known), fc.string({ unit: "binary" })), { maxLength: 6 })
    .map((all) => all.join("")),
);
