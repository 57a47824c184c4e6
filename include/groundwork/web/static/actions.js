// Actions: a button opens its dialog, the dialog's form is sent as JSON, and then one sees what comes of it.
import { announce, call } from "./api.js";
import { WATCH } from "./live.js";

document.addEventListener("click", (event) => {
  const opener = event.target.closest?.("[data-dialog]");
  if (opener) document.getElementById(opener.dataset.dialog)?.showModal();
  if (event.target.closest?.("[data-close]")) event.target.closest("dialog").close();
});

document.addEventListener("submit", async (event) => {
  const form = event.target.closest?.("form[data-action]");
  if (!form) return;
  event.preventDefault();
  const error = form.querySelector(".error");
  error.hidden = true;
  if (!form.reportValidity()) return;
  const buttons = form.querySelectorAll("button");
  buttons.forEach((button) => (button.disabled = true));
  try {
    await call("POST", form.dataset.action, values(form, event.submitter));
    window.location.hash = WATCH;
    window.location.reload();
  } catch (problem) {
    error.textContent = problem.message;
    error.hidden = false;
    announce(problem.message);
    buttons.forEach((button) => (button.disabled = false));
  }
});

// The form's fields as the API takes them; undefined for a form without any.
function values(form, submitter) {
  const body = {};
  let any = false;
  for (const list of form.querySelectorAll("[data-list]")) {
    body[list.dataset.list] = [...list.querySelectorAll("input:checked")].map((input) => input.value);
    any = true;
  }
  for (const field of form.querySelectorAll("[name]")) {
    if (field.closest("[data-list]") || field.tagName === "BUTTON") continue;
    if ("omitEmpty" in field.dataset && !field.value) continue;
    body[field.name] = value(field);
    any = true;
  }
  if (submitter?.name) body[submitter.name] = submitter.value;
  const takesBody = any || submitter?.name || form.dataset.action.endsWith("/restore");
  return takesBody ? body : undefined;
}

function value(field) {
  if (field.dataset.kind === "bool") return field.checked;
  return field.dataset.kind === "json" ? JSON.parse(field.value) : field.value;
}
