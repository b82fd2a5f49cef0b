// The metric of an analysis: ellipses over inputs and time, or its diagonal over time.

const PLANE = { width: 480, height: 330, left: 56, right: 12, top: 12, bottom: 36 };

/** Return the half axes and the direction of the ellipse of a symmetric 2 x 2 matrix's root. */
function ellipseOf(a, b, c) {
  const middle = (a + c) / 2;
  const gap = Math.hypot((a - c) / 2, b);
  return { long: Math.sqrt(Math.max(0, middle + gap)), short: Math.sqrt(Math.max(0, middle - gap)), angle: Math.atan2(2 * b, a - c) / 2 };
}

/**
 * Return a plane of matrices: values of both sides, and the matrix at (i, j).
 *
 * A metric over one coordinate at several checkpoints is a plane, too: fractions of training are its second side.
 */
function planeOf(view, position) {
  const array = arrayOf(view.values);
  const size = view.tangents.length;
  const [first, second] = view.spanned;
  const checkpoint = view.chosen.findIndex((axis) => axis.name === "checkpoint");
  if (second) {
    const inner = entryOf(array, position);
    return { first, second, matrix: (i, j) => entryOf(inner, [i, j]).values, size, row: null };
  }
  if (checkpoint < 0) {
    const inner = entryOf(array, position);
    return { first, second: { name: "", values: [0] }, matrix: (i) => entryOf(inner, [i]).values, size, row: null };
  }
  const matrix = (i, j) => entryOf(array, [...position.map((k, axis) => (axis === checkpoint ? j : k)), i]).values;
  const fractions = { name: "fraction of training", values: view.chosen[checkpoint].values };
  return { first, second: fractions, matrix, size, row: position[checkpoint] };
}

/** Return the means of the first two diagonal entries over a whole view: the units of its two directions. */
function unitsOf(view) {
  const { values } = arrayOf(view.values);
  const size = view.tangents.length;
  return [0, 1].map((k) => {
    let sum = 0;
    let count = 0;
    for (let start = 0; start < values.length; start += size * size) {
      const entry = values[start + k * size + k];
      if (Number.isFinite(entry)) {
        sum += entry;
        count += 1;
      }
    }
    return sum / Math.max(1, count) || 1;
  });
}

/** Return the size of a plane's cells, and a function from (i, j) to the middle of one. */
function layoutOf(plane) {
  const { width, height, left, right, top, bottom } = PLANE;
  const cell = [(width - left - right) / plane.first.values.length, (height - top - bottom) / plane.second.values.length];
  return { cell, centre: (i, j) => [left + (i + 0.5) * cell[0], height - bottom - (j + 0.5) * cell[1]] };
}

/** Return a drawing with the axes of a plane, and a frame around the shown moment of training. */
function planeAxes(plane, { cell, centre }) {
  const { width, height, left, right, top, bottom } = PLANE;
  const svg = drawn("svg", { viewBox: `0 0 ${width} ${height}`, tabindex: 0, role: "img", "aria-describedby": "metric-readout" });
  svg.setAttribute("aria-label", `Metric over ${spaced(plane.first.name)} and ${spaced(plane.second.name)}`);
  svg.append(drawn("path", { class: "axis", d: `M${left} ${top}V${height - bottom}H${width - right}` }));

  // A few values on each side, and its name.
  const word = (value) => (typeof value === "number" ? shownNumber(value, 2) : value);
  const text = (x, y, anchor, content, further = {}) => svg.append(drawn("text", { x, y, "text-anchor": anchor, ...further }, content));
  for (const i of spread(plane.first.values.length, 5)) text(centre(i, 0)[0], height - bottom + 14, "middle", word(plane.first.values[i]));
  text((left + width - right) / 2, height - 5, "middle", axisLabel(plane.first));
  if (plane.second.name) {
    for (const j of spread(plane.second.values.length, 6)) text(left - 6, centre(0, j)[1] + 4, "end", word(plane.second.values[j]));
    const middle = (top + height - bottom) / 2;
    text(11, middle, "middle", axisLabel(plane.second), { transform: `rotate(-90 11 ${middle})` });
  }

  if (plane.row !== null) {
    const y = centre(0, plane.row)[1] - cell[1] / 2;
    svg.append(drawn("rect", { class: "cursor", x: left, y, width: width - left - right, height: cell[1] }));
  }
  return svg;
}

/** Return an ellipse for each point of a plane, with its place (i, j). */
function planeEllipses(plane, units, { cell, centre }) {
  const scale = Math.sqrt(units[0] * units[1]);
  const ellipses = plane.first.values.flatMap((_, i) =>
    plane.second.values.map((_, j) => {
      const matrix = plane.matrix(i, j);
      const one = ellipseOf(matrix[0] / units[0], matrix[1] / scale, matrix[plane.size + 1] / units[1]);
      return { i, j, ...one, trace: Math.log10(Math.max(1e-12, one.long ** 2 + one.short ** 2)) };
    }),
  ).filter((one) => Number.isFinite(one.trace));
  const largest = Math.max(...ellipses.map((one) => one.long)) || 1;
  const [low, high] = [Math.min(...ellipses.map((one) => one.trace)), Math.max(...ellipses.map((one) => one.trace))];

  // Lengths span orders of magnitude: sizes grow with their square root, shapes and directions are exact.
  const room = 0.48 * Math.min(...cell);
  return ellipses.map((one) => {
    const [x, y] = centre(one.i, one.j);
    const size = room * Math.sqrt(one.long / largest);
    const shape = { cx: x, cy: y, rx: Math.max(0.8, size), ry: Math.max(0.8, (size * one.short) / (one.long || 1)) };
    // Upwards is negative in a drawing.
    const transform = `rotate(${(-180 / Math.PI) * one.angle} ${x} ${y})`;
    const fill = mapColour((one.trace - low) / (high - low || 1));
    return [drawn("ellipse", { ...shape, transform, fill, stroke: themeColour("neutral"), "stroke-width": 0.5 }), one.i, one.j];
  });
}

const metricPanel = {
  entries: {},
  at: [0, 0],

  start() {
    byId("metric-view").onchange = () => this.show();
  },

  update() {
    const { network } = selection;
    this.views = page.analyses
      .filter((entry) => page.networks[entry.of] === network)
      .flatMap((entry) => entry.views.filter((view) => view.kind !== "surface").map((view) => ({ entry, view })));
    const words = { field: "over inputs and time", lines: "over time" };
    fillChoices(
      byId("metric-view"),
      this.views.map(({ entry, view }, k) => [k, `${spaced(entry.analysis)}, ${words[view.kind]}`]),
    );
    this.show();
  },

  show() {
    const chosen = this.views[byId("metric-view").value];
    for (const id of ["metric-view-label", "metric-details", "metric-readout"]) byId(id).hidden = !chosen;
    if (!chosen) {
      byId("metric-chosen").replaceChildren();
      byId("metric-about").textContent = "";
      byId("metric-drawing").replaceChildren(missing(this._whyMissing()), this._otherNetworks());
      return;
    }
    const { view } = chosen;
    const kept = Object.fromEntries(Object.entries(this.entries).map(([name, list]) => [name, list.value]));
    const axes = view.chosen.filter((axis) => axis.name !== "checkpoint");
    if (this.listed !== view || !byId("metric-chosen").children.length) {
      this.entries = chooseEntries(byId("metric-chosen"), axes, kept, () => this.show());
      this.listed = view;
      this.at = [0, 0];
    }
    const position = view.chosen.map((axis) =>
      axis.name === "checkpoint" ? nearest(axis.values, page.fractions[selection.moment]) : Number(this.entries[axis.name].value),
    );
    if (view.kind === "lines") this._showLines(view, position);
    else this._showPlane(view, position);
  },

  _whyMissing() {
    const { network } = selection;
    const mine = page.analyses.filter((entry) => page.networks[entry.of] === network);
    if (mine.some((entry) => entry.status === "diverged")) return "This network diverged: its metric means nothing.";
    if (mine.length) {
      const names = mine.map((entry) => spaced(entry.analysis)).join(", ");
      return `Of the analysis ${names} nothing is drawn here: an ellipse needs a metric of two directions, a line one over time. Its figures lie beside this page, in warping.`;
    }
    if (!page.analyses.length) return "No analysis of metric warping reads a network of this page: run.warping in the configuration names none.";
    return "No analysis of metric warping reads this network. These are read:";
  },

  /** Return buttons that lead to a network of each analysis that stores a metric. */
  _otherNetworks() {
    const first = new Map();
    const measured = page.analyses.filter((entry) => entry.views.some((view) => view.kind !== "surface"));
    for (const entry of measured) if (!first.has(entry.analysis)) first.set(entry.analysis, page.networks[entry.of]);
    const buttons = [...first].map(([analysis, network]) =>
      element("button", { type: "button", onclick: () => chooseNetwork(network) }, `${spaced(analysis)}: ${network.taskset}, ${networkLabel(network)}`),
    );
    return element("div", { class: "row" }, ...buttons);
  },

  _showLines(view, position) {
    byId("metric-about").textContent = "Diagonal of the pullback metric over time, a mean over the inputs: how far a unit step of an input, or of time, moves the state.";
    const colours = [BLUE, VERMILION, GREEN, PURPLE];
    const time = view.spanned[0].values;
    const inner = entryOf(arrayOf(view.values), position);
    const lines = view.tangents.map((name, k) => ({
      name: spaced(name), x: time, y: [...entryOf(inner, [k]).values], colour: colours[k % colours.length], dash: ["none", "6 3", "2 3"][k % 3], mark: spaced(name),
    }));
    byId("metric-drawing").replaceChildren(
      lineChart({ title: `Metric over time: ${view.tangents.join(", ")}`, xLabel: "time (ms)", yLabel: "G", lines, logarithmic: true }),
    );
    byId("metric-readout").textContent = "";
    whenOpen(byId("metric-details"), () =>
      tableOf(
        "Metric over time",
        ["time (ms)", ...view.tangents.map(spaced)],
        time.map((t, k) => [shownNumber(t), ...lines.map((line) => shownNumber(line.y[k]))]),
      ),
    );
  },

  _showPlane(view, position) {
    const plane = planeOf(view, position);
    const layout = layoutOf(plane);
    byId("metric-about").textContent =
      `Each ellipse is the pullback metric at one point: the longer its axis, the further a step in that direction moves the state. ` +
      `Within an ellipse, horizontal is a step of ${spaced(String(view.tangents[0]))} and vertical one of ${spaced(String(view.tangents[1]))}, each in units of its root mean square over this view. ` +
      "Sizes grow with the square root of the length; light ellipses have a large metric. Arrow keys go from point to point.";
    const svg = planeAxes(plane, layout);
    const mark = drawn("rect", { class: "cursor", width: layout.cell[0], height: layout.cell[1], x: -99, y: -99 });
    const read = (i, j) => this._read(view, plane, i, j, mark, layout);
    for (const [ellipse, i, j] of planeEllipses(plane, unitsOf(view), layout)) {
      ellipse.addEventListener("pointerenter", () => read(i, j));
      svg.append(ellipse);
    }
    svg.append(mark);
    this._listen(svg, plane, read);
    byId("metric-drawing").replaceChildren(svg);
    whenOpen(byId("metric-details"), () => this._table(view, plane));
  },

  /** Let arrow keys go from point to point. */
  _listen(svg, plane, read) {
    const last = [plane.first.values.length - 1, plane.second.values.length - 1];
    const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
    svg.addEventListener("keydown", (event) => {
      const step = steps[event.key];
      if (!step) return;
      event.preventDefault();
      read(...this.at.map((k, side) => Math.max(0, Math.min(last[side], k + step[side]))));
    });
    svg.addEventListener("focus", () => read(...this.at));
  },

  _read(view, plane, i, j, mark, { centre, cell }) {
    this.at = [i, j];
    const [x, y] = centre(i, j);
    mark.setAttribute("x", x - cell[0] / 2);
    mark.setAttribute("y", y - cell[1] / 2);
    const matrix = plane.matrix(i, j);
    const diagonal = view.tangents.map((name, k) => `${spaced(String(name))} ${shownNumber(matrix[k * plane.size + k])}`);
    const place = (axis, k) => (axis.name ? `${spaced(axis.name)} ${shownNumber(axis.values[k])}, ` : "");
    byId("metric-readout").textContent = `${place(plane.first, i)}${place(plane.second, j)}G: ${diagonal.join(", ")}; ${spaced(String(view.tangents[0]))} and ${spaced(String(view.tangents[1]))} ${shownNumber(matrix[1])}`;
  },

  _table(view, plane) {
    const sides = [plane.first, plane.second].filter((axis) => axis.name);
    const columns = [...sides.map(axisLabel), ...view.tangents.map((name) => `G, ${spaced(String(name))}`), "G, first two"];
    const rows = [];
    plane.first.values.forEach((a, i) =>
      plane.second.values.forEach((b, j) => {
        const matrix = plane.matrix(i, j);
        const places = sides.length > 1 ? [a, b] : [a];
        rows.push([...places, ...view.tangents.map((_, k) => matrix[k * plane.size + k]), matrix[1]].map((value) => shownNumber(value)));
      }),
    );
    return tableOf("Metric", columns, rows);
  },
};
