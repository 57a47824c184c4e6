// Keeps what is marked as live up to date: the page is fetched again and its live part put in place of the old
// one. Often while something runs, seldom otherwise, never while nobody looks.
import { announce } from "./api.js";

// After an action the page is watched closely for a while, for its run has yet to begin.
export const WATCH = "watch";

const BUSY = 1000;
const IDLE = 10000;
const EAGER = 60000;
const eagerUntil = window.location.hash === `#${WATCH}` ? Date.now() + EAGER : 0;
let shown = document.getElementById("live");
let wanted = false;

function restore(fresh) {
  for (const details of shown.querySelectorAll("details[id]")) {
    const same = fresh.querySelector(`#${CSS.escape(details.id)}`);
    if (same) same.open = details.open;
  }
}

function replace(fresh) {
  if (document.querySelector("dialog[open]")) return; // opened while this was on its way
  if (fresh.innerHTML === shown.innerHTML && fresh.dataset.live === shown.dataset.live) return;
  const before = shown.dataset.status;
  const active = document.activeElement;
  const path = shown.contains(active) ? address(active) : null;
  restore(fresh);
  shown.replaceWith(fresh);
  shown = fresh;
  if (path) find(path)?.focus({ preventScroll: true });
  if (fresh.dataset.status && fresh.dataset.status !== before) announce(fresh.dataset.status);
  document.dispatchEvent(new CustomEvent("groundwork:replaced"));
}

// Where an element stands below the live part, so that its successor can be found.
function address(element) {
  const path = [];
  for (let node = element; node !== shown; node = node.parentElement) {
    path.unshift([...node.parentElement.children].indexOf(node));
  }
  return path;
}

function find(path) {
  return path.reduce((node, index) => node?.children[index], shown);
}

async function refresh() {
  const response = await fetch(window.location.href, { credentials: "same-origin" });
  if (!response.ok) return;
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  const fresh = page.getElementById("live");
  if (fresh) replace(document.adoptNode(fresh));
}

async function look() {
  wanted = false;
  if (!document.hidden && !document.querySelector("dialog[open]")) {
    try {
      await refresh();
    } catch {
      // Airflow does not answer just now; the next look will tell.
    }
  }
  plan();
}

function plan() {
  if (wanted) return;
  wanted = true;
  const busy = shown.dataset.live === "busy" || Date.now() < eagerUntil;
  window.setTimeout(look, busy ? BUSY : IDLE);
}

if (shown) plan();
