// Plain JavaScript, so that an old Node can read it and say what is wrong. The pack itself is pack.ts.

/** From this version on Node strips types by itself. */
const minimum = [22, 18];

const [major, minor] = process.versions.node.split(".").map(Number);
if (major < minimum[0] || (major === minimum[0] && minor < minimum[1])) {
  process.stderr.write(
    `The policies need Node.js ${minimum.join(".")} or later, and the first "node" on PATH is ${process.version}. ` +
      `Run it as "npm run pulumi -- preview -s STACK --policy-pack $PWD/policies/pack/muster-policies".\n`,
  );
  process.exit(1);
}
// @pulumi/policy reads name and version of the pack in the folder where it runs.
process.chdir(import.meta.dirname);
import("./pack.ts").catch((error) => {
  process.stderr.write(`${error.stack}\n`);
  process.exit(1);
});
