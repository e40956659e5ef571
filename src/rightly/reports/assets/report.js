"use strict";
// The browser of items. Every text of the data enters the page through textContent or an attribute, never as markup.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  if (!data) return;

  const $ = (id) => document.getElementById(id);
  const SVG = "http://www.w3.org/2000/svg";
  const state = { item: null, judge: "", kind: "", q: "", shown: null };
  let visible = [];

  function element(name, properties, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(properties || {})) {
      if (value === null || value === undefined || value === false) continue;
      if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
      else made.setAttribute(key, value === true ? "" : value);
    }
    for (const child of children) if (child !== null && child !== undefined) made.append(child);
    return made;
  }

  function drawing(name, attributes, text) {
    const made = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (text !== undefined) made.textContent = text;
    return made;
  }

  const number = (value) => value.toFixed(2);
  const characters = (count) => `${count.toLocaleString("en")} characters`;

  // ---- which items are listed

  function searchable(item) {
    if (item.text === undefined) {
      const reasons = item.judgments.flatMap((judgment) => judgment.reasons);
      item.text = [item.id, item.domain || "", item.context, ...item.responses, ...item.points, ...reasons].join("\n").toLowerCase();
    }
    return item.text;
  }

  function ofKind(item, judge, kind) {
    const judges = judge === "" ? Object.keys(item.kinds) : [String(judge)];
    return judges.some((each) => item.kinds[each] && (kind === "" || item.kinds[each].includes(kind)));
  }

  function matches(item, kind) {
    return ofKind(item, state.judge, kind) && (state.q === "" || searchable(item).includes(state.q.toLowerCase()));
  }

  function refilter() {
    visible = data.items.filter((item) => matches(item, state.kind));
    fillKinds();
    fillList();
    if (!visible.includes(state.item)) state.item = visible[0] || null;
    select(state.item);
  }

  function fillKinds() {
    const options = [["", "all"], ...Object.entries(data.kinds)].map(([kind, name]) => {
      const count = data.items.filter((item) => matches(item, kind)).length;
      return element("option", { value: kind, selected: kind === state.kind }, `${name} · ${count.toLocaleString("en")}`);
    });
    $("filter-kind").replaceChildren(...options);
  }

  function fillList() {
    const rows = visible.map((item, place) => {
      const gist = (item.context || item.responses[0] || item.id).slice(0, 160);
      return element(
        "li",
        { role: "option", id: `option-${place}`, "aria-selected": "false", onclick: () => select(item) },
        element("span", { class: "gist", dir: "auto" }, gist),
        element("small", {}, [item.id, item.domain].filter(Boolean).join(" · ")),
      );
    });
    $("list").replaceChildren(...rows);
  }

  // ---- choosing an item and a judgment of it

  function select(item, shown) {
    state.item = item;
    state.shown = item ? shown || preferred(item) : null;
    const place = visible.indexOf(item);
    for (const row of $("list").querySelectorAll("[aria-selected=true]")) row.setAttribute("aria-selected", "false");
    const row = place < 0 ? null : $("list").children[place];
    if (row) {
      row.setAttribute("aria-selected", "true");
      $("list").setAttribute("aria-activedescendant", row.id);
      const box = $("list");
      const above = row.offsetTop - box.offsetTop;
      if (above < box.scrollTop || above + row.offsetHeight > box.scrollTop + box.clientHeight) box.scrollTop = above - 40;
    }
    $("place").textContent = visible.length ? `${(place + 1).toLocaleString("en")} of ${visible.length.toLocaleString("en")}` : "none";
    $("previous").disabled = place <= 0;
    $("next").disabled = place < 0 || place >= visible.length - 1;
    show();
    remember();
  }

  function preferred(item) {
    const fits = (judgment) =>
      (state.judge === "" || judgment.judge === Number(state.judge)) &&
      (state.kind === "" || (item.kinds[judgment.judge] || []).includes(state.kind));
    const fitting = item.judgments.filter(fits);
    if (state.kind === "failed") return fitting.find((judgment) => judgment.failure) || fitting[0];
    return fitting.find((judgment) => judgment.reasons.length) || fitting[0] || item.judgments[0] || null;
  }

  function step(by) {
    const item = visible[visible.indexOf(state.item) + by];
    if (item) select(item);
  }

  // ---- the item

  function show() {
    const { item, shown } = state;
    if (!item) {
      $("item").replaceChildren(element("p", { class: "empty" }, "No item fits the filter."));
      return;
    }
    $("item").replaceChildren(
      facts(item),
      ...(item.context ? [element("div", { class: "context prose", dir: "auto", tabindex: "0" }, item.context)] : []),
      element("div", { class: "responses" }, ...item.responses.map((text, place) => response(item, shown, text, place))),
      verdicts(item, shown),
      ...(shown ? reasons(item, shown) : []),
    );
    draw();
  }

  function facts(item) {
    const votes = {};
    for (const vote of item.votes) votes[vote] = (votes[vote] || 0) + 1;
    const counted = Object.entries(votes).sort().map(([choice, count]) => `${count} for ${choice}`).join(", ");
    const label = item.label === null ? "no human label" : item.label === "tie" ? "human label: tie" : `human label: ${item.label}`;
    const parts = [item.id, item.domain, label, counted && `votes: ${counted}`, `${item.points.length} human points`];
    return element("p", { class: "facts" }, parts.filter(Boolean).join(" · "));
  }

  function response(item, shown, text, place) {
    const name = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[place];
    const first = shown && (shown.order === "AB" ? "A" : "B");
    return element(
      "section",
      { class: "response" },
      element(
        "header",
        {},
        element("strong", {}, `Response ${name}`),
        element("span", {}, characters(item.lengths[place])),
        shown && first === name ? element("span", {}, "shown first") : null,
        item.label === name ? element("span", { class: "badge human" }, "people’s choice") : null,
        shown && shown.verdict === name ? element("span", { class: `badge ${tone(shown)}` }, `${mark(shown)} judge’s choice`) : null,
      ),
      element("div", { class: "prose", dir: "auto", tabindex: "0" }, text),
    );
  }

  const tone = (judgment) => (judgment.right === true ? "right" : judgment.right === false ? "wrong" : "");
  const mark = (judgment) => (judgment.right === true ? "✓" : judgment.right === false ? "✗" : "");

  function verdicts(item, shown) {
    const orders = ["AB", "BA"].filter((order) => item.judgments.some((judgment) => judgment.order === order));
    const rows = data.judges.map((name, judge) => {
      const own = item.judgments.filter((judgment) => judgment.judge === judge);
      if (!own.length) return null;
      const kinds = (item.kinds[judge] || []).map((kind) => data.kinds[kind].replace(/ \(.*/, "")).join(", ");
      const cells = orders.map((order) => element("td", {}, verdict(item, shown, own.find((each) => each.order === order))));
      return element("tr", {}, element("th", { scope: "row" }, element("bdi", {}, name), element("small", {}, kinds)), ...cells);
    });
    const heads = orders.map((order) => element("th", { scope: "col" }, `${order[0]} shown first`));
    return element(
      "table",
      { class: "verdicts" },
      element("thead", {}, element("tr", {}, element("th", { scope: "col" }, "Verdicts, with consistency"), ...heads)),
      element("tbody", {}, ...rows),
    );
  }

  function verdict(item, shown, judgment) {
    if (!judgment) return "–";
    const consistency = judgment.metrics.consistency;
    const figure = consistency === undefined ? "" : ` · ${number(consistency)}`;
    return element(
      "button",
      {
        type: "button",
        class: tone(judgment),
        "aria-pressed": String(judgment === shown),
        title: "show its reasons",
        onclick: () => select(item, judgment),
      },
      `${mark(judgment)} ${judgment.failure || judgment.verdict}${figure}`,
    );
  }

  function reasons(item, shown) {
    const name = data.judges[shown.judge];
    const made = [];
    if (shown.failure) made.push(element("p", { class: "wrong" }, `No usable answer (${shown.failure}). ${shown.detail}`));
    const resolved = new Map(shown.resolved.map((link) => [`${link[0]} ${link[1]}`, link]));
    const matchOf = (side, place) => shown.resolved.find((link) => link[side] === place);
    const card = (text, side, place) => {
      const link = matchOf(side, place);
      const other = side === 0 ? "reason" : "point";
      const note = link ? `matches ${other} ${link[1 - side] + 1}, score ${number(link[2])}` : "not matched";
      return element(
        "li",
        {
          class: link ? "matched" : null,
          tabindex: "0",
          onmouseenter: () => pick(side, place),
          onmouseleave: () => pick(null),
          onfocus: () => pick(side, place),
          onblur: () => pick(null),
        },
        element("span", { dir: "auto" }, `${place + 1}. ${text}`),
        element("small", {}, note),
      );
    };
    const list = (texts, side, none) =>
      texts.length ? element("ol", {}, ...texts.map((text, place) => card(text, side, place))) : element("ol", {}, element("li", { class: "empty" }, none));
    const links = drawing("svg", { "aria-hidden": "true" });
    for (const link of shown.links.filter((each) => !resolved.has(`${each[0]} ${each[1]}`))) links.append(curve(link, "offered"));
    for (const link of shown.resolved) links.append(curve(link, "resolved"));
    for (const link of shown.resolved) links.append(score(link));
    made.push(
      element(
        "div",
        { class: "match", id: "match" },
        element("h4", {}, "Human points"),
        element("h4", {}, "Reasons of ", element("bdi", {}, name)),
        list(item.points, 0, "no human points"),
        list(shown.reasons, 1, "no reasons"),
        links,
      ),
    );
    const figures = Object.entries(shown.metrics).map(([key, value]) => `${key.replaceAll("_", " ")} ${value.toFixed(3)}`);
    if (figures.length) made.push(element("p", { class: "metrics" }, figures.join(" · ")));
    return made;
  }

  // ---- the links

  function curve(link, kind) {
    const width = kind === "resolved" ? 1 + 2.5 * link[2] : 1.2;
    return drawing("path", { class: `link ${kind}`, "stroke-width": width, "data-point": link[0], "data-reason": link[1] });
  }

  function score(link) {
    return drawing("text", { class: "score", "text-anchor": "end", "data-point": link[0], "data-reason": link[1] }, number(link[2]));
  }

  function draw() {
    const box = $("match");
    if (!box) return;
    const frame = box.getBoundingClientRect();
    const [points, judged] = [...box.querySelectorAll("ol")].map((list) => [...list.children].map((card) => card.getBoundingClientRect()));
    for (const mark of box.querySelectorAll("[data-point]")) {
      const from = points[mark.dataset.point];
      const to = judged[mark.dataset.reason];
      if (!from || !to) continue;
      const [x1, y1] = [from.right - frame.left, from.top + from.height / 2 - frame.top];
      const [x2, y2] = [to.left - frame.left, to.top + to.height / 2 - frame.top];
      const middle = (x1 + x2) / 2;
      if (mark.tagName === "path") mark.setAttribute("d", `M${x1} ${y1} C${middle} ${y1} ${middle} ${y2} ${x2} ${y2}`);
      else {
        mark.setAttribute("x", x2 - 5);
        // On the side that its own curve does not come from.
        mark.setAttribute("y", y1 < y2 - 8 ? y2 + 13 : y2 - 6);
      }
    }
  }

  function pick(side, place) {
    const box = $("match");
    box.classList.toggle("picking", side !== null);
    for (const mark of box.querySelectorAll("[data-point]")) {
      const own = side === null ? null : Number(side === 0 ? mark.dataset.point : mark.dataset.reason);
      mark.classList.toggle("picked", own === place);
    }
  }

  // ---- the address of what is shown

  function remember() {
    const parts = new URLSearchParams();
    if (state.item) parts.set("item", state.item.id);
    if (state.shown) parts.set("by", data.judges[state.shown.judge]);
    if (state.shown) parts.set("order", state.shown.order);
    if (state.judge !== "") parts.set("judge", data.judges[state.judge]);
    if (state.kind) parts.set("kind", state.kind);
    if (state.q) parts.set("q", state.q);
    state.address = `#${parts}`;
    if (state.started) history.replaceState(null, "", state.address);
  }

  function recall() {
    const parts = new URLSearchParams(location.hash.slice(1));
    if (!["item", "judge", "kind", "q"].some((key) => parts.has(key))) return false;
    const judge = data.judges.indexOf(parts.get("judge"));
    state.judge = judge < 0 ? "" : String(judge);
    state.kind = parts.get("kind") in data.kinds ? parts.get("kind") : "";
    state.q = parts.get("q") || "";
    $("filter-judge").value = state.judge;
    $("filter-text").value = state.q;
    state.item = data.items.find((item) => item.id === parts.get("item")) || null;
    const by = data.judges.indexOf(parts.get("by"));
    const shown = state.item && state.item.judgments.find((judgment) => judgment.judge === by && judgment.order === parts.get("order"));
    const { item } = state;
    refilter();
    if (item && state.item === item && shown) select(item, shown);
    return true;
  }

  // ---- wiring

  const judges = [["", "any"], ...data.judges.map((name, place) => [String(place), name])];
  $("filter-judge").replaceChildren(...judges.map(([value, name]) => element("option", { value }, name)));
  const changed = (key) => (event) => {
    state[key] = event.target.value;
    state.started = true;
    refilter();
  };
  $("filter-judge").addEventListener("change", changed("judge"));
  $("filter-kind").addEventListener("change", changed("kind"));
  $("filter-text").addEventListener("input", changed("q"));
  document.querySelector(".filters").addEventListener("submit", (event) => event.preventDefault());
  const stepping = (by) => () => {
    state.started = true;
    step(by);
  };
  $("previous").addEventListener("click", stepping(-1));
  $("next").addEventListener("click", stepping(1));
  $("list").addEventListener("click", () => {
    state.started = true;
    remember();
  });
  $("item").addEventListener("click", () => {
    state.started = true;
    remember();
  });
  $("list").addEventListener("keydown", (event) => {
    const by = { ArrowDown: 1, ArrowUp: -1, Home: -Infinity, End: Infinity }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    state.started = true;
    if (Number.isFinite(by)) step(by);
    else if (visible.length) select(by < 0 ? visible[0] : visible[visible.length - 1]);
  });
  const open = () => {
    if (!recall()) return;
    state.started = true;
    $("items").scrollIntoView();
  };
  window.addEventListener("hashchange", open);
  new ResizeObserver(draw).observe($("item"));
  refilter();
  open();
})();
