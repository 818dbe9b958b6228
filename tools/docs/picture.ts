/** The picture in the README: who talks to whom, and in which direction. */

interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
  title: string;
  lines: readonly string[];
}
type Point = readonly [number, number];
interface Arrow {
  from: Point;
  to: Point;
  text: string;
  /** Middle of the text. */
  at: Point;
}

const boxes: readonly Box[] = [
  { x: 10, y: 40, width: 195, height: 70, title: "your computer or CI", lines: ["pulumi up, muster"] },
  { x: 350, y: 40, width: 190, height: 70, title: "GitHub", lines: ["jobs wait in scale sets"] },
  { x: 185, y: 190, width: 190, height: 70, title: "manager", lines: ["one a stack, all credentials"] },
  {
    x: 560,
    y: 180,
    width: 200,
    height: 90,
    title: "machine",
    lines: ["agent, then GitHub's runner", "one job, and gone"],
  },
];

const arrows: readonly Arrow[] = [
  { from: [105, 110], to: [215, 190], text: "settings, programs", at: [92, 158] },
  { from: [310, 190], to: [410, 110], text: "asks for jobs", at: [316, 146] },
  { from: [375, 212], to: [560, 212], text: "launches, ends", at: [467, 204] },
  { from: [560, 242], to: [375, 242], text: "asks what to do", at: [467, 258] },
  { from: [640, 180], to: [535, 110], text: "takes one job", at: [636, 140] },
];

const text = ([x, y]: Point, content: string, style: string) =>
  `<text x="${x}" y="${y}" class="${style}">${content.replaceAll("&", "&amp;").replaceAll("<", "&lt;")}</text>`;

const drawBox = ({ x, y, width, height, title, lines }: Box): string[] => {
  const middle = x + width / 2;
  const first = y + height / 2 - (lines.length - 1) * 9 - 4;
  return [
    `<rect x="${x}" y="${y}" width="${width}" height="${height}" rx="8"/>`,
    text([middle, first], title, "title"),
    ...lines.map((line, index) => text([middle, first + 19 + 17 * index], line, "line")),
  ];
};

const drawArrow = ({ from, to, text: said, at }: Arrow): string[] => [
  `<path d="M${from.join(" ")} L${to.join(" ")}" marker-end="url(#head)"/>`,
  text(at, said, "said"),
];

/** An SVG that reads on white and on black. */
export const picture = (): string =>
  [
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 25 780 260" role="img">',
    "<title>The manager asks GitHub for jobs and launches a machine for each; every call goes out from it or comes from a machine</title>",
    "<style>",
    "text { font-family: system-ui, sans-serif; text-anchor: middle; fill: #6e7781 }",
    ".title { font-size: 15px; font-weight: 600; fill: #0969da }",
    ".line { font-size: 12.5px }",
    ".said { font-size: 12px; font-style: italic }",
    "rect { fill: none; stroke: #0969da; stroke-width: 1.5 }",
    "path { fill: none; stroke: #6e7781; stroke-width: 1.5 }",
    "marker path { fill: #6e7781; stroke: none }",
    "</style>",
    '<marker id="head" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto"><path d="M0 0 L8 4 L0 8 z"/></marker>',
    ...boxes.flatMap(drawBox),
    ...arrows.flatMap(drawArrow),
    "</svg>",
    "",
  ].join("\n");
