/** The page's stylesheet, as it is sent. Colour never stands alone: every colour has its word beside it. */
export const style = `
:root {
  --text: #1b1f24; --quiet: #626b77; --line: #e2e5e9; --ground: #f6f7f8; --card: #fff; --track: #eceef1;
  --busy: #2f6fdb; --ready: #23875a; --booting: #c98a1b; --leaving: #a3abb6; --lost: #c43d2c; --note: #fdf6e7;
  --queued: #b4bcc6; --assigned: #8f74d6; --launch-asked: #d9a534; --started: #dd7a36; --enrolled: #2f9c98;
  --registered: #7dbd83; --bad: #b23424; --alert: #fbe9e6;
}
@media (prefers-color-scheme: dark) {
  :root {
    --text: #e4e7eb; --quiet: #96a0ad; --line: #2c323a; --ground: #14171b; --card: #1b1f25; --track: #262c34;
    --busy: #5b93f0; --ready: #48b485; --booting: #dba23c; --leaving: #68717d; --lost: #e4685a; --note: #2b2619;
    --queued: #6d7783; --assigned: #a48ee6; --launch-asked: #dfb04a; --started: #e38b4d; --enrolled: #45b3af;
    --registered: #8ccb93; --bad: #f08a7c; --alert: #351f1c;
  }
}
* { box-sizing: border-box; margin: 0; }
html { background: var(--ground); color: var(--text); -webkit-text-size-adjust: 100%; }
body {
  max-width: 76rem; margin: 0 auto; padding: 1.5rem clamp(.9rem, 3vw, 2rem) 3rem; position: relative;
  font: 15px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; font-variant-numeric: tabular-nums;
}
h1 { font-size: 1.5rem; font-weight: 600; line-height: 1.2; letter-spacing: -.01em; }
h1 small { display: block; font-size: .85rem; font-weight: 400; color: var(--quiet); letter-spacing: 0; }
h2 { font-size: 1rem; font-weight: 600; margin: 2.2rem 0 .7rem; }
h3 { font-size: 1.05rem; font-weight: 600; overflow-wrap: anywhere; }
small, .quiet, .legend, .counts, dt, .head { color: var(--quiet); font-size: .82rem; }
a { color: inherit; }
code { font: .82rem/1.4 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; color: var(--quiet); overflow-wrap: anywhere; }
.top p { margin-top: .35rem; }
#live { position: absolute; right: clamp(.9rem, 3vw, 2rem); top: 1.55rem; font-size: .82rem; color: var(--quiet); max-width: 45%; text-align: right; }
#live.live::before { content: ""; display: inline-block; width: .5rem; height: .5rem; border-radius: 50%; background: var(--ready); margin-right: .4rem; }
#live.lost { color: var(--bad); }
.alert { margin-top: 1rem; padding: .6rem .8rem; border-radius: .4rem; background: var(--alert); }
.slow { background: var(--note); }
.empty { color: var(--quiet); padding: .4rem 0; }

.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 22rem), 1fr)); gap: 1rem; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; padding: 1rem 1.1rem; display: flex; flex-direction: column; gap: .75rem; }
.card header { display: flex; flex-wrap: wrap; gap: .1rem .75rem; align-items: baseline; justify-content: space-between; }
.squares { display: flex; flex-wrap: wrap; gap: 4px; align-items: center; }
.squares span { font-size: .82rem; color: var(--quiet); margin-left: .3rem; }
.squares i { width: 15px; height: 15px; }
i[class^="look-"], .legend i { display: inline-block; border-radius: 3px; flex: none; }
.counts i, td i, .legend i { width: 10px; height: 10px; margin-right: .35rem; border-radius: 2px; }
.look-busy { background: var(--busy); }
.look-ready { border: 3px solid var(--ready); }
.look-booting { background: repeating-linear-gradient(135deg, var(--booting) 0 2px, transparent 2px 4px); outline: 1px solid var(--booting); outline-offset: -1px; }
.look-leaving { background: var(--leaving); }
.look-lost { background: linear-gradient(45deg, transparent 42%, var(--lost) 42% 58%, transparent 58%), linear-gradient(-45deg, transparent 42%, var(--lost) 42% 58%, transparent 58%); }
.look-free { border: 1px dashed var(--leaving); }
.counts, .legend { display: flex; flex-wrap: wrap; gap: .2rem 1rem; }
.counts span, .legend span { white-space: nowrap; }
dl { display: flex; flex-wrap: wrap; gap: .5rem 1.6rem; }
dd { margin: 0; font-weight: 600; }
.note { background: var(--note); border-radius: .35rem; padding: .5rem .65rem; font-size: .88rem; overflow-wrap: anywhere; }

.legend { margin-bottom: .8rem; }
.row { display: grid; grid-template-columns: minmax(0, 17rem) minmax(0, 3fr) minmax(0, 2fr); gap: 0 1.4rem; align-items: start; }
.head { padding: 0 1rem .3rem; }
.head > :first-child { padding-left: 1.1rem; }
.scale { display: flex; justify-content: space-between; border-bottom: 1px solid var(--line); }
.jobs { list-style: none; padding: 0; background: var(--card); border: 1px solid var(--line); border-radius: .5rem; }
.jobs > li + li { border-top: 1px solid var(--line); }
summary { padding: .55rem 1rem .5rem; cursor: pointer; list-style: none; }
summary:hover .what b { text-decoration: underline; text-decoration-color: var(--leaving); text-underline-offset: 3px; }
summary::-webkit-details-marker { display: none; }
summary:focus-visible { outline: 2px solid var(--busy); outline-offset: -2px; border-radius: .5rem; }
.what { position: relative; padding-left: 1.1rem; }
.what::before { content: "›"; position: absolute; left: 0; color: var(--leaving); transition: transform .1s; }
details[open] .what::before { transform: rotate(90deg); }
.what b { display: block; font-weight: 500; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.what small { display: block; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.bar { display: block; position: relative; padding-top: .35rem; }
.bar svg { display: block; width: 100%; height: 9px; border-radius: 2px; background: var(--track); overflow: hidden; }
.beyond { position: absolute; right: -.7rem; top: -.07rem; color: var(--quiet); }
.figure { font-size: .82rem; color: var(--quiet); }
.bad { color: var(--bad); }
.why { font-size: .85rem; margin-left: .6rem; overflow-wrap: anywhere; }
.step-queued { fill: var(--queued); background: var(--queued); }
.step-assigned { fill: var(--assigned); background: var(--assigned); }
.step-launch-asked { fill: var(--launch-asked); background: var(--launch-asked); }
.step-started { fill: var(--started); background: var(--started); }
.step-enrolled { fill: var(--enrolled); background: var(--enrolled); }
.step-registered { fill: var(--registered); background: var(--registered); }
.step-running { fill: var(--busy); background: var(--busy); }
.step-failed { fill: var(--lost); background: var(--lost); }
.step-other { fill: var(--leaving); background: var(--leaving); }
.steps { padding: .3rem 1rem .9rem 2.1rem; }
.steps ol { list-style: none; padding: 0; display: grid; grid-template-columns: repeat(auto-fill, minmax(6.8rem, 1fr)); gap: .6rem; font-size: .88rem; }
.steps li span { display: block; font-size: .82rem; color: var(--quiet); }
.steps p { margin-top: .6rem; overflow-wrap: anywhere; }

.table { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; overflow: hidden; }
table { width: 100%; border-collapse: collapse; font-size: .9rem; }
th, td { text-align: left; padding: .5rem .8rem; vertical-align: top; overflow-wrap: anywhere; }
thead th { font-weight: 400; font-size: .82rem; color: var(--quiet); }
tbody tr { border-top: 1px solid var(--line); }
tbody th { font-weight: 500; min-width: 9rem; }
td small, th small { display: block; font-weight: 400; }
.number { white-space: nowrap; }
td > span { white-space: nowrap; }
footer { margin-top: 2.5rem; overflow-wrap: anywhere; }

@media (max-width: 46rem) {
  #live { position: static; max-width: none; text-align: left; margin-bottom: .4rem; }
  .row { grid-template-columns: minmax(0, 1fr); gap: .45rem; }
  .head { display: none; }
  table, tbody, tr, td, tbody th { display: block; }
  thead { display: none; }
  tr { padding: .5rem .2rem; }
  th, td { padding: .12rem .8rem; }
  td:has(> .quiet) { display: none; }
  dl { gap: .5rem 1.1rem; }
  .bar { padding-top: 0; }
  .beyond { top: -.42rem; }
  td::before { content: attr(data-label) " "; display: inline-block; min-width: 5.5rem; color: var(--quiet); font-size: .82rem; }
}
`;
