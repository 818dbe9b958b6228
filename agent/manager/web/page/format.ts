/** Figures for people. */
import { html } from "hono/html";

/** `0.4 s`, `7.2 s`, `42 s`, `3 min 5 s`, `2 h 10 min`, `3 d 4 h`; page/script.ts has the same for ages that grow. */
export function duration(ms: number): string {
  const seconds = Math.max(0, ms) / 1000;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  const [days, hours, minutes] = [86_400, 3_600, 60].map((unit) => Math.floor(whole / unit)) as [
    number,
    number,
    number,
  ];
  if (days > 0) return `${days} d ${hours % 24} h`;
  if (hours > 0) return `${hours} h ${minutes % 60} min`;
  return minutes > 0 ? `${minutes} min ${whole % 60} s` : `${whole} s`;
}

/** An age that the script keeps counting. */
export const age = (sinceMs: number, nowMs: number) =>
  html`<time class="age" data-since="${sinceMs}" datetime="${new Date(sinceMs).toISOString()}"
    >${duration(nowMs - sinceMs)}</time
  >`;

/** Coordinated time of day with milliseconds; the page's footer says which clock. */
export const clockTime = (ms: number): string => new Date(ms).toISOString().slice(11, 23);

export const plural = (count: number, one: string, many = `${one}s`): string =>
  `${count} ${count === 1 ? one : many}`;

export const megabytes = (mb: number): string => (mb < 1024 ? `${mb} MB` : `${(mb / 1024).toFixed(1)} GB`);
