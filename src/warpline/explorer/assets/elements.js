// Elements of the page. Text is set as text, never as markup.

const byId = (id) => document.getElementById(id);

/** Return a new element with attributes and children; a child may be a string. */
function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children);
  return made;
}

/** Return a new element of a drawing. */
function drawn(tag, attributes = {}, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

/** Fill a list of choices, hidden if there are none; keep the chosen one where it is still there. Return whether it is. */
function fillChoices(select, choices, wanted = select.value) {
  const kept = choices.some(([value]) => String(value) === String(wanted));
  select.replaceChildren(...choices.map(([value, label]) => element("option", { value }, label)));
  if (kept) select.value = String(wanted);
  (select.closest("label") ?? select).hidden = choices.length === 0;
  return kept;
}

/** Say something to a screen reader. */
function announce(text) {
  byId("announcement").textContent = text;
}

/** Return a number as text with so many significant digits. */
function shownNumber(value, digits = 3) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  if (value === 0) return "0";
  const size = Math.abs(value);
  // Rounding leaves 1e-16 where two systems are equal.
  if (size < 1e-9) return "≈ 0";
  if (size >= 1e5 || size < 1e-3) return value.toExponential(digits - 1);
  return Number(value.toPrecision(digits)).toString();
}

/** Return a share as a percentage. */
function shownShare(share) {
  return share === null || share === undefined ? "–" : `${Math.round(100 * share)} %`;
}

/** Return a table with a header row; a cell may be an element. */
function tableOf(caption, columns, rows) {
  const head = element("tr", {}, ...columns.map((name) => element("th", { scope: "col" }, name)));
  const body = rows.map((row) =>
    element("tr", {}, ...row.map((cell, k) => element(k ? "td" : "th", k ? {} : { scope: "row" }, cell))),
  );
  return element(
    "table",
    {},
    element("caption", { class: "visually-hidden" }, caption),
    element("thead", {}, head),
    element("tbody", {}, ...body),
  );
}

/** Return a paragraph that says what is missing, and why. */
function missing(text) {
  return element("p", { class: "missing" }, text);
}

/** Let a details element build its contents when it is open, and only then. */
function whenOpen(details, build) {
  const place = details.querySelector("div");
  const refresh = () => place.replaceChildren(...(details.open ? [build()] : []));
  details.ontoggle = refresh;
  refresh();
}

/** Put a list of choices for each dimension of which one entry is shown. Return the lists by name. */
function chooseEntries(place, axes, kept, onChange) {
  const lists = {};
  place.replaceChildren(
    ...axes.map((axis) => {
      const select = element("select", { onchange: onChange });
      const choices = axis.values.map((value, k) => [k, typeof value === "number" ? shownNumber(value) : value]);
      // The end of a trial, or of training, shows more than its start.
      const late = ["moment", "time (ms)", "stage"].includes(axis.name) ? axis.values.length - 1 : 0;
      fillChoices(select, choices, late);
      if (kept[axis.name] !== undefined) fillChoices(select, choices, kept[axis.name]);
      lists[axis.name] = select;
      return element("label", { hidden: axis.values.length < 2 }, `${spaced(axis.name)} `, select);
    }),
  );
  return lists;
}
