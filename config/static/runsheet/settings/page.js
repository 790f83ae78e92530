// @ts-check
/** The settings' pages: what admins change there. Lists come from the server; after a change they are read anew. */
import { api } from "../api.js";
import { confirm } from "../ui/confirm.js";
import { openDialog } from "../ui/dialog.js";
import { openForm } from "../ui/form.js";
import { html, useState } from "../ui/html.js";
import { arm, once } from "../ui/once.js";
import { button, labelled } from "../ui/parts.js";
import { toast } from "../ui/toast.js";

const page = /** @type {HTMLElement} */ (document.querySelector("[data-settings]"));
const here = `workspaces/${document.documentElement.dataset.workspace}/`;
const ROLES = [
  ["viewer", "Viewer: looks"],
  ["editor", "Editor: changes and runs"],
  ["admin", "Admin: everything"],
];
const SCOPES = [
  ["read", "Read: looks"],
  ["run", "Run: looks, runs and stops"],
  ["write", "Write: all that you may do"],
];
const DAYS = [
  ["30", "30 days"],
  ["90", "90 days"],
  ["365", "A year"],
  ["", "Never"],
];

/**
 * What the buttons do, by `data-act`; each answers whether something has changed.
 * @type {Object<string, (it: any, button: any) => any>}
 */
const ACTS = {
  rename: (it) =>
    openForm({
      title: "Rename workspace",
      yes: "Rename",
      fields: [{ name: "name", label: "Name", value: it.name, maxlength: 200 }],
      act: (values) => api("PATCH", here, { body: values }),
    }),
  "add-member": () =>
    openForm({
      title: "Add a member",
      yes: "Add member",
      text: "The person needs an account on this server first.",
      fields: [
        { name: "user", label: "Username or email", maxlength: 254, autocapitalize: "none" },
        { name: "role", label: "Role", options: ROLES, value: "editor" },
      ],
      act: (values) => api("POST", `${here}members/`, { body: values }),
    }),
  async "remove-member"(it, pressed) {
    const isMe = "me" in it;
    const leaving = {
      title: "Leave this workspace?",
      text: "Its tables are gone for you until an admin adds you again. Your API tokens here are revoked.",
      yes: "Leave",
    };
    const removing = {
      title: `Remove ${it.name}?`,
      text: "Their API tokens here are revoked, and their triggers stop. What they made stays.",
      yes: "Remove member",
    };
    if (!(await confirm(isMe ? leaving : removing))) return false;
    const doing = isMe ? "leave" : `remove ${it.name}`;
    if (!(await once(pressed, doing, () => api("DELETE", `${here}members/${it.id}/`)))) return false;
    if (isMe) location.assign("/");
    return !isMe;
  },
  "set-secret": (it) =>
    openForm({
      title: it.name ? `Replace ${it.name}` : "New secret",
      yes: it.name ? "Replace value" : "Store secret",
      text: "The value is encrypted and never shown again.",
      fields: [
        {
          name: "name",
          label: "Name",
          value: it.name || "",
          maxlength: 100,
          spellcheck: "false",
          autocapitalize: "none",
          readonly: Boolean(it.name),
          hint: "Workflows read it as {{ secrets.NAME }}.",
        },
        { name: "value", label: "Value", type: "password", autocomplete: "new-password", autofocus: Boolean(it.name) },
      ],
      act: (values) => api("POST", "secrets/", { body: values }),
    }),
  async "delete-secret"(it, pressed) {
    const sure = await confirm({
      title: `Delete ${it.name}?`,
      text: "Workflows that use it fail from now on, saying so. The value cannot be brought back.",
      yes: "Delete secret",
    });
    return sure && once(pressed, `delete ${it.name}`, () => api("DELETE", `secrets/${encodeURIComponent(it.name)}/`));
  },
  async "new-token"() {
    const made = await openForm({
      title: "New API token",
      yes: "Create token",
      text: "It acts in your name, in this workspace, and never beyond your role.",
      fields: [
        { name: "name", label: "Name", maxlength: 100, hint: "What it is for." },
        { name: "scope", label: "May", options: SCOPES, value: "run" },
        { name: "days", label: "Ends after", options: DAYS, value: "90", required: false },
      ],
      act: ({ name, scope, days }) => {
        const expires_at = days ? new Date(Date.now() + Number(days) * 86_400_000).toISOString() : null;
        return api("POST", `${here}tokens/`, { body: { name, scope, expires_at } });
      },
    });
    if (made) await openDialog((close) => html`<${Fresh} token=${made.token} close=${close} />`);
    return made;
  },
  async "revoke-token"(it, pressed) {
    const sure = await confirm({
      title: `Revoke “${it.name}”?`,
      text: "Programs that use it are refused at once. This cannot be undone.",
      yes: "Revoke token",
    });
    return sure && once(pressed, `revoke “${it.name}”`, () => api("DELETE", `${here}tokens/${it.id}/`));
  },
};

/** The only time the token is seen. */
function Fresh({ token, close }) {
  const [copied, setCopied] = useState(false);
  const copy = async (event) => {
    const field = event.currentTarget.form.token;
    field.select();
    try {
      await navigator.clipboard.writeText(token);
      setCopied(true);
    } catch {
      field.focus(); // no clipboard without TLS: it is selected, to be copied by hand
    }
  };
  const done = (event) => {
    event.preventDefault();
    close(true);
  };
  const select = (event) => event.currentTarget.select();
  const field = html`<input id="fresh-token" name="token" class="mono" readonly value=${token} onFocus=${select} />`;
  return html`<form onSubmit=${done}>
    <h2 id="dialog-title">Copy the token now</h2>
    <p class="form-text">It is shown this once and kept nowhere.</p>
    ${labelled("fresh-token", "Token", field)}
    <div class="actions">
      <span class="summary quiet" role="status">${copied ? "Copied." : ""}</span>
      ${button("Copy", copy, "", { autofocus: true })}
      <button class="button primary">Done</button>
    </div>
  </form>`;
}

arm(page, async (pressed) => {
  const it = /** @type {HTMLElement} */ (pressed.closest("[data-id]") || pressed).dataset;
  if (await ACTS[pressed.dataset.act || ""](it, pressed)) location.reload();
});
page.addEventListener("change", async (event) => {
  const select = event.target;
  if (!(select instanceof HTMLSelectElement) || select.dataset.act !== "role") return;
  const { id, name } = /** @type {HTMLElement} */ (select.closest("[data-id]")).dataset;
  const answer = await once(null, `change the role of ${name}`, () =>
    api("PATCH", `${here}members/${id}/`, { body: { role: select.value } }),
  );
  if (answer) toast(`${name} is ${select.value === "viewer" ? "a" : "an"} ${select.value} now.`);
  else select.value = select.dataset.was || "";
  select.dataset.was = select.value;
});
