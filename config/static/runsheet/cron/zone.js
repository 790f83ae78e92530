// @ts-check
/** Instants and the clocks of time zones, by what the browser knows of them. Pure. */

const SHORT = {
  weekday: "short",
  day: "numeric",
  month: "short",
  year: "numeric",
  hour: "2-digit",
  minute: "2-digit",
  hourCycle: "h23",
};
const FULL = {
  year: "numeric",
  month: "2-digit",
  day: "2-digit",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  hourCycle: "h23",
};
const formats = new Map();

function format(zone, options) {
  const key = `${zone} ${Object.keys(options)}`;
  if (!formats.has(key)) formats.set(key, new Intl.DateTimeFormat("en-GB", { timeZone: zone, ...options }));
  return formats.get(key);
}

const parts = (formatter, date) =>
  Object.fromEntries(formatter.formatToParts(date).map((part) => [part.type, part.value]));

/** The zone of this browser. */
export const zoneHere = () => Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";

/** Whether the browser knows a zone of this name. */
export function isZone(name) {
  try {
    return Boolean(name) && Boolean(new Intl.DateTimeFormat("en-GB", { timeZone: name }));
  } catch {
    return false;
  }
}

/** Names to choose from. */
export const zones = () => ["UTC", ...Intl.supportedValuesOf("timeZone")];

/** An instant on the clock of a zone: `2026-12-01T09:00`, with seconds if there are any. */
export function wallOf(iso, zone) {
  const { year, month, day, hour, minute, second } = parts(format(zone, FULL), new Date(iso));
  return `${year.padStart(4, "0")}-${month}-${day}T${hour}:${minute}${second === "00" ? "" : `:${second}`}`;
}

/**
 * The instant at which the clock of a zone shows this, as ISO in UTC, or null for nonsense.
 * A time that the clock shows twice means the first; one that it skips, as long after the gap as it was meant to be.
 */
export function instantOf(wall, zone) {
  const meant = Date.parse(`${full(wall)}Z`);
  if (Number.isNaN(meant) || !isZone(zone)) return null;
  const offsets = [-86_400_000, 86_400_000].map((away) => offset(meant + away, zone));
  const fits = offsets.map((each) => meant - each).filter((at) => at + offset(at, zone) === meant);
  const at = fits.length ? Math.min(...fits) : meant - offsets[0];
  return new Date(at).toISOString().replace(".000Z", "Z");
}

const offset = (at, zone) =>
  Date.parse(`${full(wallOf(new Date(at).toISOString(), zone))}Z`) - Math.floor(at / 1000) * 1000;
const full = (wall) => (wall.length === 16 ? `${wall}:00` : wall);

/** "Sun 22 Nov, 02:00", with the year if it is another one. */
export function dayAndTime(iso, zone, now = new Date()) {
  const date = new Date(iso);
  const { weekday, day, month, year, hour, minute } = parts(format(zone, SHORT), date);
  const isThisYear = parts(format(zone, SHORT), now).year === year;
  return `${weekday} ${day} ${month}${isThisYear ? "" : ` ${year}`}, ${hour}:${minute}`;
}

/** "Sun 22 Nov 2026, 02:00 CET". */
export function exactly(iso, zone) {
  const date = new Date(iso);
  const { weekday, day, month, year, hour, minute } = parts(format(zone, SHORT), date);
  return `${weekday} ${day} ${month} ${year}, ${hour}:${minute} ${abbreviation(date, zone)}`;
}

/** "CET", "EST"; only where neither locale has a name for the zone, "GMT+5:45". */
function abbreviation(date, zone) {
  const names = ["en-GB", "en-US"].map(
    (locale) => parts(new Intl.DateTimeFormat(locale, { timeZone: zone, timeZoneName: "short" }), date).timeZoneName,
  );
  return names.find((name) => !name.startsWith("GMT")) || names[0];
}

/** "in 6 h 12 min", "in 10 days", "2 min ago". */
export function fromNow(iso, now = Date.now()) {
  const seconds = Math.round((Date.parse(iso) - now) / 1000);
  const words = spanWords(Math.abs(seconds));
  return Math.abs(seconds) < 5 ? "now" : seconds < 0 ? `${words} ago` : `in ${words}`;
}

function spanWords(seconds) {
  if (seconds < 90) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  const hours = Math.floor(minutes / 60);
  if (hours < 1) return `${minutes} min`;
  if (hours < 48) return minutes % 60 ? `${hours} h ${minutes % 60} min` : `${hours} h`;
  return `${Math.round(minutes / 1440)} days`;
}
