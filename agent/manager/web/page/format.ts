/** Figures for people. */
import { html } from "hono/html";

/** `0.4 s`, `7.2 s`, `42 s`, `3 min 5 s`, `2 h 10 min`, `3 d 4 h`. */
export function duration(ms: number): string {
  const seconds = Math.max(0, ms) / 1000;
  return seconds < 9.95 ? `${seconds.toFixed(1)}\u00a0s` : wholeSeconds(ms);
}

/** The same without tenths: `7 s`. page/script.ts has it as well, for ages that grow. */
export function wholeSeconds(ms: number): string {
  const whole = Math.max(0, Math.round(ms / 1000));
  const [days, hours, minutes] = [86_400, 3_600, 60].map((unit) => Math.floor(whole / unit)) as [
    number,
    number,
    number,
  ];
  if (days > 0) return `${days}\u00a0d ${hours % 24}\u00a0h`;
  if (hours > 0) return `${hours}\u00a0h ${minutes % 60}\u00a0min`;
  return minutes > 0 ? `${minutes}\u00a0min ${whole % 60}\u00a0s` : `${whole}\u00a0s`;
}

/** An age that the script keeps counting. */
export const age = (sinceMs: number, nowMs: number) =>
  html`<time class="age" data-since="${sinceMs}" datetime="${new Date(sinceMs).toISOString()}"
    >${wholeSeconds(nowMs - sinceMs)}</time
  >`;

/** Coordinated time of day with milliseconds; the page's footer says which clock. */
export const clockTime = (ms: number): string => new Date(ms).toISOString().slice(11, 23);

export const plural = (count: number, one: string, many = `${one}s`): string =>
  `${count} ${count === 1 ? one : many}`;

export const megabytes = (mb: number): string =>
  mb < 1024 ? `${mb}\u00a0MB` : `${(mb / 1024).toFixed(1)}\u00a0GB`;
