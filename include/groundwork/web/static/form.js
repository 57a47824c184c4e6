// The form of a new project: parts that belong to a choice, checks as one types, problems beside their fields.
import { announce, base, call } from "./api.js";

const PAUSE = 350;
const form = document.getElementById("new");

if (form) {
  const field = (name) => form.querySelector(`[name="${CSS.escape(name)}"]:not(:disabled)`);
  const attempt = { body: "", key: "" };
  let slugTyped = false;

  showChosen();
  form.addEventListener("change", showChosen);
  form.addEventListener("input", (event) => {
    if (event.target.name === "slug") slugTyped = event.target.value !== "";
    if (event.target.name === "name" && !slugTyped) field("slug").value = slugged(event.target.value);
    clear(event.target);
    checkSoon();
  });
  form.addEventListener("submit", submit);

  // Only the questions of the chosen template and the environments of the chosen organization are there.
  function showChosen() {
    choose("[data-template]", (part) => part.dataset.template === field("template_id").value);
    choose("[data-organization]", (part) => part.dataset.organization === field("organization_id")?.value);
  }

  function choose(selector, chosen) {
    for (const part of form.querySelectorAll(selector)) {
      part.hidden = part.disabled = !chosen(part);
    }
  }

  function slugged(name) {
    const plain = name.normalize("NFKD").toLowerCase().replace(/[\u0300-\u036f]/g, "");
    return plain.replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "").slice(0, 48).replace(/-+$/, "");
  }

  let timer = 0;
  let latest = 0;
  function checkSoon() {
    window.clearTimeout(timer);
    timer = window.setTimeout(check, PAUSE);
  }

  async function check() {
    const number = ++latest;
    const slug = field("slug").value;
    const group = field("repository.group_path").value;
    const organization = field("organization_id")?.value;
    if (!slug) return;
    const slugAsked = new URLSearchParams({ slug, ...(organization && { organization }) });
    const found = await ask("slug", slugAsked);
    if (number !== latest) return;
    tell("slug", found);
    if (!group || !found?.ok) return;
    const path = await ask("path", new URLSearchParams({ slug, group_path: group }));
    if (number === latest) tell("repository.group_path", path);
  }

  async function ask(what, query) {
    try {
      return await call("GET", `${base}/api/v1/checks/${what}?${query}`);
    } catch {
      return null; // a check that cannot be made says nothing; the request itself will
    }
  }

  function tell(name, found) {
    if (found) mark(name, found.ok ? "" : found.rule);
  }

  function control(name) {
    const answer = name.startsWith("template_answers.") && name.slice("template_answers.".length).split(".")[0];
    if (answer) return form.querySelector(`fieldset:not(:disabled) [data-answer="${CSS.escape(answer)}"]`);
    return field(name);
  }

  // Put a problem beside its field; false when it has none.
  function mark(name, rule) {
    const known = [...form.querySelectorAll("[data-error]")].filter((item) => !item.closest("fieldset:disabled"));
    const place = known.find((item) => item.dataset.error === name)
      || known.find((item) => name.startsWith(`${item.dataset.error}.`));
    if (!place) return false;
    place.textContent = rule;
    place.hidden = !rule;
    const input = control(place.dataset.error);
    if (input) input.setAttribute("aria-invalid", rule ? "true" : "false");
    if (rule) input?.closest("details")?.setAttribute("open", "");
    return true;
  }

  function clear(input) {
    if (input.name) mark(input.name, "");
    const answer = input.closest("[data-answer]");
    if (answer) mark(`template_answers.${answer.dataset.answer}`, "");
  }

  function answers() {
    const found = {};
    const broken = [];
    for (const input of form.querySelectorAll("fieldset:not(:disabled) [data-answer]")) {
      try {
        const given = answer(input);
        if (given !== undefined) found[input.dataset.answer] = given;
      } catch {
        broken.push({ field: `template_answers.${input.dataset.answer}`, rule: "must be valid JSON" });
      }
    }
    return { found, broken };
  }

  function answer(input) {
    switch (input.dataset.control) {
      case "checkboxes":
        return [...input.querySelectorAll("input:checked")].map((item) => JSON.parse(item.value));
      case "checkbox":
        return input.checked;
      case "number":
        return input.value === "" ? undefined : Number(input.value);
      case "select":
        return JSON.parse(input.value);
      case "json":
        return input.value.trim() === "" ? undefined : JSON.parse(input.value);
      default:
        return input.value;
    }
  }

  function request() {
    const { found, broken } = answers();
    const body = {
      name: field("name").value,
      slug: field("slug").value,
      organization_id: field("organization_id")?.value ?? "",
      repository: {
        group_path: field("repository.group_path").value,
        visibility: field("repository.visibility").value,
        default_branch: field("repository.default_branch").value,
        description: field("repository.description").value,
        adopt: field("repository.adopt").checked,
        on_pending_deletion: field("repository.on_pending_deletion").value,
      },
      on_failure: field("on_failure").value,
      template_id: field("template_id").value,
      template_answers: found,
      environment_ids: [...form.querySelectorAll('[name="environment_ids"]:checked:not(:disabled)')]
        .filter((item) => !item.closest("fieldset:disabled")).map((item) => item.value),
    };
    const user = [...form.querySelectorAll('[name="user_id"]')].find((item) => !item.closest("fieldset:disabled"));
    if (user?.value) body.user_id = user.value;
    return { body, broken };
  }

  // The same request sent twice, by a double click or after an answer was lost, is one request.
  function key(body) {
    const text = JSON.stringify(body);
    if (text !== attempt.body) Object.assign(attempt, { body: text, key: crypto.randomUUID?.() ?? random() });
    return attempt.key;
  }

  function random() {
    return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  }

  async function submit(event) {
    event.preventDefault();
    const { body, broken } = request();
    report(broken);
    if (broken.length) return;
    const button = form.querySelector("[type=submit]");
    button.disabled = true;
    try {
      show(await call("POST", `${base}/api/v1/plan`, body), body);
    } catch (problem) {
      report(problem.errors.length ? problem.errors : [{ field: "", rule: problem.message }]);
    }
    button.disabled = false;
  }

  // The plan, to be confirmed; where something stands in the way there is nothing to confirm.
  function show(plan, body) {
    const dialog = document.getElementById("plan");
    const create = document.getElementById("create");
    const number = plan.changes.length;
    document.getElementById("plan-sum").textContent = plan.problems.length
      ? "This stands in the way:" : `${number} ${number === 1 ? "change" : "changes"}, in this order:`;
    document.getElementById("plan-problems").replaceChildren(
      ...plan.problems.map((item) => element("li", `${item.field}: ${item.rule}`)));
    document.getElementById("plan-changes").replaceChildren(...plan.changes.map(line));
    document.getElementById("plan-error").hidden = true;
    create.hidden = plan.problems.length > 0;
    create.onclick = () => confirm(create, body);
    dialog.showModal();
    announce("The plan is shown");
  }

  function line(change) {
    const where = change.environment ? `${change.system}, ${change.environment}` : change.system;
    const item = element("li", `${change.action} ${change.kind} ${change.name} (${where})`);
    if (change.message) item.append(element("p", change.message));
    if (!change.differences.length) return item;
    const details = document.createElement("details");
    const list = document.createElement("ul");
    for (const { field: name, observed, desired } of change.differences) {
      list.append(element("li", `${name}: ${shown(observed)} → ${shown(desired)}`));
    }
    details.append(element("summary", `${change.differences.length} fields`), list);
    item.append(details);
    return item;
  }

  function shown(value) {
    return value === null ? "nothing" : JSON.stringify(value);
  }

  function element(name, text) {
    const made = document.createElement(name);
    made.textContent = text;
    return made;
  }

  async function confirm(button, body) {
    button.disabled = true;
    try {
      const run = await call("POST", `${base}/api/v1/projects`, body, { "Idempotency-Key": key(body) });
      window.location.assign(run.page);
    } catch (problem) {
      const place = document.getElementById("plan-error");
      place.textContent = problem.message;
      place.hidden = false;
      button.disabled = false;
    }
  }

  function report(problems) {
    const box = document.getElementById("problems");
    const list = box.querySelector("ul");
    list.replaceChildren();
    for (const place of form.querySelectorAll("[data-error]")) mark(place.dataset.error, "");
    for (const { field: name, rule } of problems) {
      mark(name, rule);
      const item = document.createElement("li");
      item.textContent = name ? `${name}: ${rule}` : rule;
      list.append(item);
    }
    box.hidden = problems.length === 0;
    if (problems.length) {
      box.focus();
      announce("This needs a correction");
    }
  }
}
