// @ts-check
/** What every page has: the person's menu, the theme, pinned tables, the line about workers. */
import { api } from "../api.js";
import { plural } from "../format.js";
import { drawPins } from "../tables/pins.js";

const WORKERS_EVERY_MS = 15_000;
/** What every page has beside what it is for comes after that. */
export const LATER_MS = 400;
const root = document.documentElement;

export function startShell() {
  placePersonMenu();
  startTheme();
  drawPins();
  const workers = document.getElementById("workers");
  if (workers) watchWorkers(workers);
}

function placePersonMenu() {
  const button = document.getElementById("person");
  const menu = document.getElementById("person-menu");
  if (!button || !menu) return;
  menu.addEventListener("toggle", () => {
    const frame = button.getBoundingClientRect();
    const above = frame.top - menu.offsetHeight - 6;
    menu.style.left = `${Math.max(8, Math.min(frame.left, innerWidth - menu.offsetWidth - 8))}px`;
    menu.style.top = `${above > 0 ? above : frame.bottom + 6}px`;
  });
}

function startTheme() {
  const button = document.getElementById("theme");
  if (!button) return;
  const system = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : system.matches);
  const label = () => {
    button.textContent = isDark() ? "Light theme" : "Dark theme";
  };
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    try {
      localStorage.setItem("runsheet-theme", root.dataset.theme);
    } catch {
      /* it holds for this page then */
    }
    label();
  });
  system.addEventListener("change", label);
  label();
}

function watchWorkers(line) {
  const look = async () => {
    if (document.hidden) return;
    try {
      const { results } = await api("GET", "workers/");
      const working = results.filter(
        (worker) => worker.slots > 0 && worker.queues.some((queue) => queue !== "control"),
      );
      const slots = working.reduce((sum, worker) => sum + worker.slots, 0);
      line.dataset.state = working.length ? "up" : "down";
      line.textContent = working.length
        ? `${plural(working.length, "worker")} · ${plural(slots, "slot")}`
        : "no workers";
    } catch {
      line.dataset.state = "down";
      line.textContent = "server unreachable";
    }
  };
  setTimeout(look, LATER_MS);
  setInterval(look, WORKERS_EVERY_MS);
  document.addEventListener("visibilitychange", look);
}
