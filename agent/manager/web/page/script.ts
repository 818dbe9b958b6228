/**
 * The page's script, as it is sent: plain JavaScript without a build step. The server renders, the script swaps in
 * what changed and lets ages count. Nothing here makes markup of data.
 */
export const script = String.raw`"use strict";
const main = document.querySelector("main");
const live = document.querySelector("#live");
const retryMs = 5000;
let skewMs = Number(main.dataset.now) - Date.now();
let source = null;
let timer = 0;

/** Makes "from" look like "to" in place, so that focus, selection, scrolling and opened details stay. */
function morph(from, to) {
  if (from.nodeName !== to.nodeName || from.nodeType !== to.nodeType || keyOf(from) !== keyOf(to)) {
    from.replaceWith(document.importNode(to, true));
    return;
  }
  if (from.nodeType !== Node.ELEMENT_NODE) {
    if (from.data !== to.data) from.data = to.data;
    return;
  }
  for (const { name } of [...from.attributes]) {
    if (name !== "open" && !to.hasAttribute(name)) from.removeAttribute(name);
  }
  for (const { name, value } of to.attributes) {
    if (from.getAttribute(name) !== value) from.setAttribute(name, value);
  }
  const keyed = new Map([...from.children].filter(keyOf).map((child) => [keyOf(child), child]));
  [...to.childNodes].forEach((wanted, index) => {
    const match = keyed.get(keyOf(wanted));
    let present = from.childNodes[index];
    if (match && match !== present) {
      from.insertBefore(match, present ?? null);
      present = match;
    }
    if (present) morph(present, wanted);
    else from.append(document.importNode(wanted, true));
  });
  while (from.childNodes.length > to.childNodes.length) from.lastChild.remove();
}
const keyOf = (node) => node.dataset?.key ?? "";

function show(markup) {
  const next = new DOMParser().parseFromString(markup, "text/html").querySelector("main");
  if (!next) return;
  morph(main, next);
  skewMs = Number(main.dataset.now) - Date.now();
  document.title = main.dataset.title;
}

function say(text, look) {
  if (live.textContent !== text) live.textContent = text;
  live.className = look;
}

function wholeSeconds(ms) {
  const whole = Math.max(0, Math.round(ms / 1000));
  const [days, hours, minutes] = [86400, 3600, 60].map((unit) => Math.floor(whole / unit));
  if (days > 0) return days + "\u00a0d " + (hours % 24) + "\u00a0h";
  if (hours > 0) return hours + "\u00a0h " + (minutes % 60) + "\u00a0min";
  return minutes > 0 ? minutes + "\u00a0min " + (whole % 60) + "\u00a0s" : whole + "\u00a0s";
}

setInterval(() => {
  if (live.className === "lost") return;
  for (const each of document.querySelectorAll(".age")) {
    const text = wholeSeconds(Date.now() + skewMs - Number(each.dataset.since));
    if (each.textContent !== text) each.textContent = text;
  }
}, 1000);

/** Events where they can be had; while they cannot, one reading of the whole page every few seconds. */
function connect() {
  source = new EventSource("/events?as=page");
  source.addEventListener("page", (event) => {
    show(event.data);
    say("live", "live");
  });
  source.onerror = () => {
    source.close();
    poll();
  };
}
async function poll() {
  try {
    const answer = await fetch("/", { cache: "no-store", signal: AbortSignal.timeout(retryMs) });
    if (!answer.ok) throw new Error(String(answer.status));
    show(await answer.text());
    say("read every " + retryMs / 1000 + " s", "polling");
  } catch {
    say("the manager does not answer; these figures are old", "lost");
  }
  timer = setTimeout(connect, retryMs);
}

document.addEventListener("visibilitychange", () => {
  clearTimeout(timer);
  source?.close();
  if (!document.hidden) connect();
});
if (!document.hidden) connect();
`;
