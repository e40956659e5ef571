"use strict";
// Decisions stay in this browser until they are exported as JSON lines of id, label and the key of the text decided on.
(() => {
  const store = "rightly-review-" + document.title;
  const button = document.getElementById("export");
  const output = document.getElementById("decided");
  let decisions = {};
  try { decisions = JSON.parse(localStorage.getItem(store) || "{}"); } catch { decisions = {}; }

  const show = () => {
    const count = Object.keys(decisions).length;
    button.disabled = count === 0;
    output.textContent = count === 0 ? "No decision yet." : `${count} decided.`;
  };
  for (const input of document.querySelectorAll(".choices input")) {
    const known = decisions[input.name];
    if (known && known.key !== input.dataset.key) delete decisions[input.name]; // of a text that has changed since
    else input.checked = known?.label === input.value;
    input.addEventListener("change", () => {
      decisions[input.name] = { label: input.value, key: input.dataset.key };
      try { localStorage.setItem(store, JSON.stringify(decisions)); } catch { /* kept until the page is closed */ }
      show();
    });
  }
  button.addEventListener("click", () => {
    const lines = Object.entries(decisions).map(([id, { label, key }]) => JSON.stringify({ id, label, key }) + "\n");
    const link = document.createElement("a");
    link.href = "data:application/x-ndjson;charset=utf-8," + encodeURIComponent(lines.join(""));
    link.download = "decisions.jsonl";
    link.click();
  });
  show();
})();
