// Links that lead out of these pages. Inside Airflow the pages stand in a frame that may open no windows and in
// which GitLab would refuse to be shown; the page around it is of the same origin and follows the link itself.

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[data-outside]");
  if (!link || window.parent === window || event.defaultPrevented) return;
  event.preventDefault();
  const outer = window.parent.document.createElement("a");
  outer.href = link.href;
  if (event.ctrlKey || event.metaKey) outer.target = "_blank";
  window.parent.document.body.append(outer);
  outer.click();
  outer.remove();
});
