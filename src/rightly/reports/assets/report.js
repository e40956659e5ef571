"use strict";
// The browser of pairs. Texts come from models and people: they are only ever put in as text, never as markup.
(() => {
  const items = JSON.parse(document.getElementById("items").textContent);
  const below = Number(document.getElementById("settings").dataset.spuriousBelow);
  const filters = document.getElementById("filters");
  const shownItem = document.getElementById("item");
  const place = document.getElementById("place");
  const none = document.getElementById("none");
  const [previous, next] = [document.getElementById("previous"), document.getElementById("next")];
  let found = [];
  let at = 0;

  const make = (tag, css, text) => {
    const element = document.createElement(tag);
    if (css) element.className = css;
    if (text !== undefined) element.textContent = text;
    return element;
  };
  const judges = [...new Set(items.flatMap((item) => item.judgments.map((j) => j.judge)))];
  for (const [value, name] of [["", "any"], ...judges.map((j) => [j, j])]) {
    const option = make("option", "", name);
    option.value = value;
    filters.elements.judge.append(option);
  }

  const mean = (values) => (values.length ? values.reduce((a, b) => a + b, 0) / values.length : null);
  const consistency = (said) => mean(said.map((j) => j.metrics.consistency).filter((v) => v !== undefined && v !== null));
  const kinds = {
    all: () => true,
    spurious: (said) => said.some((j) => j.right) && consistency(said) !== null && consistency(said) < below,
    sound: (said) => said.some((j) => j.right) && consistency(said) !== null && consistency(said) >= below,
    wrong: (said) => said.some((j) => j.right === false),
    flipped: (said) => said.length === 2 && said[0].verdict && said[1].verdict && said[0].verdict !== said[1].verdict,
    failed: (said) => said.some((j) => j.failure),
  };
  const fits = (item, judge, kind, words) => {
    const groups = judge ? [judge] : judges;
    const some = groups.some((name) => {
      const said = item.judgments.filter((j) => j.judge === name);
      return said.length > 0 && kinds[kind](said);
    });
    return some && (!words || JSON.stringify(item).toLowerCase().includes(words));
  };

  const response = (item, index, said) => {
    const side = "ABCDEFGH"[index];
    const box = make("div", item.label === side ? "response label" : "response");
    const head = make("h4", "", `Response ${side}`);
    if (item.label === side) head.append(make("span", "mark", "preferred by people"));
    const chose = said.filter((j) => j.verdict === side).map((j) => (said.length > 1 ? `${j.judge} (${j.order})` : j.judge));
    if (chose.length) head.append(make("span", "chosen", `chosen by ${chose.join(", ")}`));
    head.append(make("span", "", `${item.responses[index].length.toLocaleString("en")} characters`));
    box.append(head, make("p", "", item.responses[index]));
    return box;
  };

  const lists = (item, judgment) => {
    const box = make("div", "lists");
    const column = (css, texts, linked) => {
      const list = make("ol", css);
      if (!texts.length) list.append(make("li", "none", css === "points" ? "no human points" : "no reasons"));
      texts.forEach((text, i) => list.append(make("li", linked.has(i) ? "linked" : "", text)));
      return list;
    };
    const points = column("points", item.points, new Set(judgment.resolved.map((l) => l.reference)));
    const reasons = column("reasons", judgment.reasons, new Set(judgment.resolved.map((l) => l.candidate)));
    const wires = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    box.append(make("p", "over points", "people wrote"), make("p", "over reasons", "the judge wrote"), points, wires, reasons);
    box.draw = () => {
      wires.replaceChildren();
      const frame = wires.getBoundingClientRect();
      const middle = (list, i) => {
        const spot = list.children[i].getBoundingClientRect();
        return spot.top + spot.height / 2 - frame.top;
      };
      const taken = new Set(judgment.resolved.map((l) => `${l.reference},${l.candidate}`));
      for (const link of judgment.links) {
        const resolved = taken.has(`${link.reference},${link.candidate}`);
        const [from, to] = [middle(points, link.reference), middle(reasons, link.candidate)];
        const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
        const w = frame.width;
        path.setAttribute("d", `M0,${from} C${w / 2},${from} ${w / 2},${to} ${w},${to}`);
        if (resolved) path.setAttribute("class", "resolved");
        wires.append(path);
        if (resolved) {
          const score = document.createElementNS("http://www.w3.org/2000/svg", "text");
          score.setAttribute("x", w / 2);
          score.setAttribute("y", (from + to) / 2 + 4);
          score.textContent = link.score.toFixed(2);
          wires.append(score);
        }
      }
    };
    return box;
  };

  const heading = (judgment) => {
    const head = make("h4", "", judgment.judge);
    if (judgment.failure) head.append(make("span", "wrong", `${judgment.failure}: ${judgment.detail}`));
    else head.append(make("span", "", judgment.verdict === "tie" ? "says tie" : `says ${judgment.verdict}`));
    if (judgment.right !== null && !judgment.failure) head.append(make("span", judgment.right ? "right" : "wrong", judgment.right ? "right" : "wrong"));
    head.append(make("span", "", judgment.order === "AB" ? "shown A first" : "shown B first"));
    const value = judgment.metrics.consistency;
    if (value !== undefined && value !== null) head.append(make("span", "", `consistency ${value.toFixed(2)}`));
    return head;
  };

  let drawings = [];
  const draw = () => drawings.forEach((each) => each.draw());
  const show = () => {
    drawings = [];
    shownItem.replaceChildren();
    none.hidden = found.length > 0;
    place.textContent = found.length ? `${at + 1} / ${found.length}` : "0 / 0";
    previous.disabled = at <= 0;
    next.disabled = at >= found.length - 1;
    if (!found.length) return;
    const item = items[found[at]];
    const judge = filters.elements.judge.value;
    const said = item.judgments.filter((j) => !judge || j.judge === judge);
    const head = make("div", "item-head");
    head.append(make("code", "", item.pair_id));
    if (item.domain) head.append(make("span", "", item.domain));
    head.append(make("span", "", item.label === null ? "no label" : `label ${item.label}`));
    if (item.votes.length) head.append(make("span", "", `votes ${item.votes.join(" ")}`));
    const responses = make("div", "responses");
    item.responses.forEach((_, i) => responses.append(response(item, i, said)));
    shownItem.append(head);
    if (item.context) shownItem.append(make("div", "context", item.context));
    shownItem.append(responses);
    for (const judgment of said) {
      const part = make("div", "judgment");
      const drawn = lists(item, judgment);
      drawings.push(drawn);
      part.append(heading(judgment), drawn);
      shownItem.append(part);
    }
    draw();
  };
  const filter = (wanted) => {
    const { judge, kind, words } = filters.elements;
    const sought = words.value.trim().toLowerCase();
    found = items.map((_, i) => i).filter((i) => fits(items[i], judge.value, kind.value, sought));
    at = Math.max(0, found.indexOf(wanted));
    show();
  };
  const go = (step) => {
    at = Math.min(Math.max(0, at + step), Math.max(0, found.length - 1));
    if (found.length) history.replaceState(null, "", `#${encodeURIComponent(items[found[at]].pair_id)}`);
    show();
  };
  const fromHash = () => {
    const [id, kind, judge] = decodeURIComponent(location.hash.slice(1)).split("|");
    if (kind && kinds[kind]) filters.elements.kind.value = kind;
    if (judge && judges.includes(judge)) filters.elements.judge.value = judge;
    filter(items.findIndex((item) => item.pair_id === id));
    if (id) document.getElementById("items-section").scrollIntoView();
  };
  filters.addEventListener("submit", (event) => event.preventDefault());
  filters.addEventListener("input", () => filter(-1));
  previous.addEventListener("click", () => go(-1));
  next.addEventListener("click", () => go(1));
  document.addEventListener("keydown", (event) => {
    if (event.target.closest("input, select, textarea")) return;
    if (event.key === "ArrowLeft") go(-1);
    if (event.key === "ArrowRight") go(1);
  });
  window.addEventListener("resize", draw);
  window.addEventListener("hashchange", fromHash);
  fromHash();
})();
