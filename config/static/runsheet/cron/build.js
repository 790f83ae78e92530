// @ts-check
/** A schedule as people pick it, to five cron fields and back. Pure; what it does not know is "custom". */

/** @typedef {{every: string, step: number, minute: number, time: string, days: number[], day: number|"L"}} Plan */

export const EVERY = [
  ["minutes", "Every few minutes"],
  ["hour", "Every hour"],
  ["day", "Every day"],
  ["weekdays", "Monday to Friday"],
  ["week", "Every week"],
  ["month", "Every month"],
];

/** Minutes that fill an hour evenly: others would be uneven around the full hour. */
export const STEPS = [1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30];

/** As cron counts: Sunday is 0; shown from Monday. */
export const DAYS = [
  [1, "Mon"],
  [2, "Tue"],
  [3, "Wed"],
  [4, "Thu"],
  [5, "Fri"],
  [6, "Sat"],
  [0, "Sun"],
];

/** @returns {Plan} */
export const plainPlan = () => ({ every: "day", step: 15, minute: 0, time: "09:00", days: [1], day: 1 });

/** @param {Plan} plan */
export function cronOf(plan) {
  const [hour, minute] = plan.time.split(":").map(Number);
  const daily = `${minute || 0} ${hour || 0}`;
  switch (plan.every) {
    case "minutes":
      return plan.step === 1 ? "* * * * *" : `*/${plan.step} * * * *`;
    case "hour":
      return `${plan.minute} * * * *`;
    case "weekdays":
      return `${daily} * * 1-5`;
    case "week":
      return `${daily} * * ${[...plan.days].sort().join(",")}`;
    case "month":
      return `${daily} ${plan.day} * *`;
    default:
      return `${daily} * * *`;
  }
}

/** The plan that makes exactly this expression, or null. @returns {Plan|null} */
export function planOf(expression) {
  const plan = read(expression.trim().split(/\s+/));
  return plan && cronOf(plan) === expression.trim().replace(/\s+/g, " ") ? plan : null;
}

/** @returns {Plan|null} */
function read(fields) {
  if (fields.length !== 5) return null;
  const [minute, hour, day, month, weekday] = fields;
  const plan = plainPlan();
  if (month !== "*") return null;
  if (hour === "*" && day === "*" && weekday === "*") return hourly(plan, minute);
  if (!isWithin(minute, 59) || !isWithin(hour, 23)) return null;
  plan.time = `${hour.padStart(2, "0")}:${minute.padStart(2, "0")}`;
  if (day !== "*")
    return weekday === "*" && (day === "L" || (isWithin(day, 31) && day !== "0"))
      ? { ...plan, every: "month", day: day === "L" ? "L" : Number(day) }
      : null;
  if (weekday === "*") return { ...plan, every: "day" };
  if (weekday === "1-5") return { ...plan, every: "weekdays" };
  const days = weekday.split(",");
  return days.every((each) => isWithin(each, 6)) ? { ...plan, every: "week", days: days.map(Number) } : null;
}

function hourly(plan, minute) {
  if (minute === "*") return { ...plan, every: "minutes", step: 1 };
  if (isWithin(minute, 59)) return { ...plan, every: "hour", minute: Number(minute) };
  const step = Number(minute.startsWith("*/") ? minute.slice(2) : NaN);
  return STEPS.includes(step) ? { ...plan, every: "minutes", step } : null;
}

const isWithin = (text, most) => /^\d{1,2}$/.test(text) && Number(text) <= most;
