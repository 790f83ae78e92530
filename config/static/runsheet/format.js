// @ts-check
/** Numbers, spans of time and instants as people read them. Pure. */

const whole = new Intl.NumberFormat("en");
const decimals = new Intl.NumberFormat("en", { maximumFractionDigits: 10 });
const dateTime = new Intl.DateTimeFormat("en-GB", {
  day: "numeric",
  month: "short",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
});

/** 41208 → "41,208". */
export const count = (value) => whole.format(value);

/** 1234.5 → "1,234.5"; keeps the digits the value has. */
export const number = (value) => decimals.format(value);

/** Dollars as "$0.0009", "$0.04", "$38.20"; whole ones from 100. @param {number|string} value */
export function money(value) {
  const amount = Number(value);
  if (amount >= 100) return `$${whole.format(Math.round(amount))}`;
  return `$${amount === 0 || amount >= 0.01 ? amount.toFixed(2) : amount.toFixed(6).replace(/0+$/, "")}`;
}

/** (1, "row") → "1 row", (2, "row") → "2 rows". */
export const plural = (value, noun) => `${count(value)} ${noun}${value === 1 ? "" : "s"}`;

/** Seconds as "0.4 s", "12 s", "9 min", "2 h 5 min". */
export function span(seconds) {
  if (seconds < 10) return `${Math.round(seconds * 10) / 10} s`;
  if (seconds < 90) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 90 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** Milliseconds as "412 ms" or as `span`. */
export const duration = (ms) => (ms < 1000 ? `${Math.round(ms)} ms` : span(ms / 1000));

/** An ISO instant in the reader's own zone, to the second. */
export const instant = (iso) => dateTime.format(new Date(iso));

/** An ISO instant as "14:00" today, else with the day. */
export function clock(iso) {
  const date = new Date(iso);
  const time = date.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
  return date.toDateString() === new Date().toDateString()
    ? time
    : `${date.getDate()} ${date.toLocaleString("en", { month: "short" })} ${time}`;
}
