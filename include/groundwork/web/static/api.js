// Calls of the HTTP API in the name of whoever is logged in.

export const base = document.body.dataset.base;

export class Problem extends Error {
  constructor(details) {
    super(details.detail || details.title || "It did not work.");
    this.errors = details.errors || [];
    this.status = details.status;
  }
}

// The answer's JSON, or null for none. Throws Problem.
export async function call(method, path, body, headers = {}) {
  const options = { method, headers: { Accept: "application/json", ...headers }, credentials: "same-origin" };
  if (body !== undefined) {
    options.headers["Content-Type"] = "application/json";
    options.body = JSON.stringify(body);
  }
  let response;
  try {
    response = await fetch(path, options);
  } catch {
    throw new Problem({ detail: "Airflow does not answer. Try again in a moment." });
  }
  const text = await response.text();
  let content = null;
  try {
    content = text ? JSON.parse(text) : null;
  } catch {
    throw new Problem({ status: response.status, detail: `Airflow answered ${response.status}.` });
  }
  if (!response.ok) throw new Problem(content || { status: response.status });
  return content;
}

export function announce(text) {
  document.getElementById("announcer").textContent = text;
}
