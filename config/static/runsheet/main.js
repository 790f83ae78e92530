// @ts-check
/** Starts what the page has: the shell always, each island when its element is there. */
import { LATER_MS, startShell } from "./ui/shell.js";

startShell();
if (document.querySelector("run-sheet")) import("./sheet/element.js");
if (document.querySelector("[data-table-list]")) import("./tables/list.js");
if (document.querySelector("[data-workflow-list]")) import("./flow/workflows.js");
if (document.querySelector("flow-editor")) import("./flow/editor.js");
if (document.querySelector("run-view")) import("./run/page.js");
if (document.querySelector("[data-run-list]")) import("./run/list.js");
if (document.querySelector("[data-live-list]")) import("./workspace.js");
if (document.querySelector("[data-trigger-list]")) import("./triggers/list.js");
if (document.querySelector("[data-invocation-list]")) import("./triggers/invocations.js");
if (document.querySelector("trigger-form")) import("./triggers/form.js");
if (document.querySelector("[data-scheduler]")) import("./triggers/scheduler.js");
if (document.querySelector("[data-settings]")) import("./settings/page.js");
if (document.getElementById("jobs")) setTimeout(() => import("./ui/jobs.js"), LATER_MS);
