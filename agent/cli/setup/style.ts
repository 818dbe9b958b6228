/** The stylesheet of the set-up page, in the manager page's colours. */
export const style = `
:root {
  --text: #1b1f24; --quiet: #5c6570; --line: #dfe3e8; --ground: #f6f7f8; --card: #fff; --act: #1f5fc9; --on-act: #fff;
  --good: #1f7a50; --note: #fdf6e7; --alert: #fbe9e6;
}
@media (prefers-color-scheme: dark) {
  :root {
    --text: #e4e7eb; --quiet: #9ba5b2; --line: #2f363f; --ground: #14171b; --card: #1b1f25; --act: #6ea3f5; --on-act: #10151c;
    --good: #48b485; --note: #2b2619; --alert: #3a211d;
  }
}
* { box-sizing: border-box; margin: 0; }
html { background: var(--ground); color: var(--text); -webkit-text-size-adjust: 100%; }
body {
  max-width: 44rem; margin: 0 auto; padding: 2rem clamp(1rem, 4vw, 2rem) 3rem; overflow-wrap: anywhere;
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
}
h1 { font-size: 1.6rem; font-weight: 600; line-height: 1.2; letter-spacing: -.01em; }
h2 { font-size: 1rem; font-weight: 600; margin: 1.8rem 0 .5rem; }
main > p, main > form { margin-top: 1rem; }
.quiet, small, thead th, dt { color: var(--quiet); font-size: .88rem; }
small { display: block; font-weight: 400; }
.steps { list-style: none; padding: 0; margin: 1.2rem 0 1.4rem; display: flex; flex-wrap: wrap; gap: .3rem 1.4rem; counter-reset: step; }
.steps li { counter-increment: step; color: var(--quiet); font-size: .9rem; }
.steps li::before { content: counter(step); display: inline-block; width: 1.5rem; height: 1.5rem; line-height: 1.4rem; margin-right: .45rem; border: 1px solid currentColor; border-radius: 50%; text-align: center; font-size: .8rem; }
.steps .past { color: var(--good); }
.steps .past::before { content: "✓"; }
.steps [aria-current] { color: var(--text); font-weight: 600; }
.steps .past[aria-current] { color: var(--good); }
table { width: 100%; border-collapse: collapse; background: var(--card); border: 1px solid var(--line); border-radius: .5rem; border-spacing: 0; }
th, td { text-align: left; padding: .55rem .9rem; vertical-align: top; overflow-wrap: break-word; }
td:nth-child(2) { white-space: nowrap; }
thead th { font-weight: 400; }
tbody tr { border-top: 1px solid var(--line); }
tbody th { font-weight: 600; }
dl { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: .3rem 1.4rem; }
dd { margin: 0; }
button, .button {
  display: inline-block; font: inherit; font-weight: 600; padding: .6rem 1.2rem; border: 0; border-radius: .4rem; cursor: pointer;
  background: var(--act); color: var(--on-act); text-decoration: none;
}
button:hover, .button:hover { filter: brightness(1.08); }
button:focus-visible, .button:focus-visible { outline: 3px solid var(--act); outline-offset: 2px; }
a:not(.button) { color: inherit; }
.plain { background: none; color: var(--quiet); font-weight: 400; padding: .3rem 0; text-decoration: underline; }
.note, .alert { border-radius: .4rem; padding: .6rem .8rem; background: var(--note); }
.alert { background: var(--alert); }
code { font: .9rem/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
.block { display: block; background: var(--card); border: 1px solid var(--line); border-radius: .4rem; padding: .6rem .8rem; }
@media (max-width: 34rem) {
  thead { display: none; }
  table, tbody, tr, th, td { display: block; }
  tr { padding: .5rem 0; }
  th, td { padding: .1rem .9rem; }
  td::before { content: attr(data-label) ": "; color: var(--quiet); font-size: .88rem; }
  dl { grid-template-columns: minmax(0, 1fr); gap: 0; }
  dd { margin-bottom: .5rem; }
}
`;
