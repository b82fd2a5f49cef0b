// A chart of lines, with a mark at the shown moment of training.

// The last number of the horizontal axis is centred at the right end of the axis.
const CHART = { width: 480, height: 190, left: 52, right: 20, top: 12, bottom: 34 };

/** Return round numbers between two bounds. */
function ticksBetween(low, high, count = 4) {
  const rough = (high - low) / count || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= rough);
  const ticks = [];
  for (let tick = Math.ceil(low / step) * step; tick <= high + 1e-9 * step; tick += step) ticks.push(Math.abs(tick) < step / 1e6 ? 0 : tick);
  return ticks;
}

/** Return the powers of ten between two bounds. */
function decadesBetween(low, high) {
  const ticks = [];
  for (let power = Math.ceil(Math.log10(low)); power <= Math.log10(high); power++) ticks.push(10 ** power);
  return ticks.length > 1 ? ticks : [low, high];
}

/**
 * Return a chart.
 *
 * `lines`: `x`, `y`, `colour`, `width`, `dash`, `mark` (text at the end). `references`: `y`, `label`. `cursor`: x of
 * the shown moment. `bounds`: lowest and highest y; by default those of the lines.
 */
function lineChart({ title, xLabel, yLabel, lines, references = [], cursor = null, logarithmic = false, bounds = null }) {
  const usable = (y) => y !== null && Number.isFinite(y) && (!logarithmic || y > 0);
  const xs = lines.flatMap((line) => [...line.x]);
  const ys = [...lines.flatMap((line) => [...line.y]), ...references.map((one) => one.y)].filter(usable);
  const [xLow, xHigh] = [Math.min(...xs), Math.max(...xs)];
  const [yLow, yHigh] = bounds ?? [Math.min(...ys), Math.max(...ys)];
  const { width, height, left, right, top, bottom } = CHART;
  const scaled = (y) => (logarithmic ? Math.log10(y) : y);
  const span = scaled(yHigh) - scaled(yLow) || 1;
  const toX = (x) => left + ((x - xLow) / (xHigh - xLow || 1)) * (width - left - right);
  const toY = (y) => height - bottom - ((scaled(y) - scaled(yLow)) / span) * (height - top - bottom);

  const svg = drawn("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": title });
  svg.append(drawn("path", { class: "axis", d: `M${left} ${top}V${height - bottom}H${width - right}` }));
  for (const tick of ticksBetween(xLow, xHigh, 5)) {
    svg.append(drawn("path", { class: "axis", d: `M${toX(tick)} ${height - bottom}v4` }));
    svg.append(drawn("text", { x: toX(tick), y: height - bottom + 15, "text-anchor": "middle" }, shownNumber(tick)));
  }
  for (const tick of (logarithmic ? decadesBetween : ticksBetween)(yLow, yHigh)) {
    svg.append(drawn("path", { class: "axis", d: `M${left} ${toY(tick)}h-4` }));
    svg.append(drawn("text", { x: left - 7, y: toY(tick) + 4, "text-anchor": "end" }, shownNumber(tick, 2)));
  }
  svg.append(drawn("text", { x: (left + width - right) / 2, y: height - 4, "text-anchor": "middle" }, xLabel));
  const middle = (top + height - bottom) / 2;
  svg.append(drawn("text", { x: 11, y: middle, "text-anchor": "middle", transform: `rotate(-90 11 ${middle})` }, yLabel));
  // Labels on alternate sides: the criterion lies just below the ideal observer.
  references.filter((one) => usable(one.y)).forEach(({ y, label, below }, k) => {
    svg.append(drawn("path", { class: "reference", d: `M${left} ${toY(y)}H${width - right}` }));
    const place = k % 2 ? { x: width - right, "text-anchor": "end" } : { x: left + 6, "text-anchor": "start" };
    svg.append(drawn("text", { ...place, y: toY(y) + (below ? 12 : -3) }, label));
  });
  for (const line of lines) {
    let path = "";
    let last = null;
    line.y.forEach((y, k) => {
      if (!usable(y)) {
        last = null;
        return;
      }
      path += `${last ? "L" : "M"}${toX(line.x[k]).toFixed(1)} ${toY(y).toFixed(1)}`;
      last = [toX(line.x[k]), toY(y)];
    });
    const style = { d: path, fill: "none", stroke: line.colour, "stroke-width": line.width ?? 1.8, "stroke-dasharray": line.dash ?? "none" };
    svg.append(drawn("path", style, drawn("title", {}, line.name)));
    // A line of one point is no line.
    if (last && line.x.length === 1) svg.append(drawn("circle", { cx: last[0], cy: last[1], r: 3, fill: line.colour }));
    if (line.mark && last) svg.append(drawn("text", { x: last[0] - 3, y: Math.max(last[1] - 5, 10), "text-anchor": "end" }, line.mark));
  }
  if (cursor !== null && xHigh >= cursor) svg.append(drawn("path", { class: "cursor", d: `M${toX(cursor)} ${top}V${height - bottom}` }));
  return svg;
}
