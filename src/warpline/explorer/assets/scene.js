// Lines and points in three dimensions, seen in parallel projection. Turned by dragging, keys or buttons.

const STEP = Math.PI / 18;
const REACH = 12; // pixels within which the pointer meets a point

/** Three axes at right angles, with what is drawn on them. */
class Scene {
  constructor(label, height = 360) {
    this.canvas = element("canvas", { tabindex: 0, role: "img", height });
    this.caption = element("figcaption", {}, "");
    this.height = height;
    this.label = label;
    this.linked = [this];
    this.contents = { lines: [], dots: [], axes: ["", "", ""], centre: [0, 0, 0], radius: 1 };
    const actions = [
      ["←", "Turn left", () => this.turn(-STEP, 0)],
      ["→", "Turn right", () => this.turn(STEP, 0)],
      ["↑", "Turn up", () => this.turn(0, STEP)],
      ["↓", "Turn down", () => this.turn(0, -STEP)],
      ["+", "Zoom in", () => this.magnify(1.2)],
      ["−", "Zoom out", () => this.magnify(1 / 1.2)],
      ["Reset", "Reset the view", () => this.reset()],
    ];
    const buttons = actions.map(([sign, name, onclick]) =>
      element("button", { type: "button", "aria-label": `${name}: ${label}`, title: name, onclick }, sign),
    );
    this.figure = element("figure", { class: "scene" }, this.canvas, element("div", { class: "turning" }, ...buttons), this.caption);
    this.view = { azimuth: 0.7, elevation: 0.5, zoom: 1 };
    this._listen();
    new ResizeObserver(() => this.draw()).observe(this.canvas);
  }

  /** Let scenes turn together. */
  static link(...scenes) {
    for (const scene of scenes) {
      scene.linked = scenes;
      scene.view = scenes[0].view;
    }
  }

  turn(azimuth, elevation) {
    this.view.azimuth += azimuth;
    this.view.elevation = Math.max(-1.57, Math.min(1.57, this.view.elevation + elevation));
    this.linked.forEach((scene) => scene.draw());
  }

  magnify(factor) {
    this.view.zoom = Math.max(0.3, Math.min(20, this.view.zoom * factor));
    this.linked.forEach((scene) => scene.draw());
  }

  reset() {
    Object.assign(this.view, { azimuth: 0.7, elevation: 0.5, zoom: 1 });
    this.linked.forEach((scene) => scene.draw());
  }

  /**
   * Show lines (`points`, flat; `colour`, `width`, `dash`, `names` per point or `name`) and dots (`point`,
   * `colour`, `name`, `mark`), in a box of a `centre` and a `radius`.
   */
  show(contents, description) {
    this.contents = contents;
    this.canvas.setAttribute("aria-label", `${this.label}. ${description}`);
    this.draw();
  }

  _listen() {
    const keys = {
      ArrowLeft: () => this.turn(-STEP, 0),
      ArrowRight: () => this.turn(STEP, 0),
      ArrowUp: () => this.turn(0, STEP),
      ArrowDown: () => this.turn(0, -STEP),
      "+": () => this.magnify(1.2),
      "=": () => this.magnify(1.2),
      "-": () => this.magnify(1 / 1.2),
      0: () => this.reset(),
    };
    this.canvas.addEventListener("keydown", (event) => {
      if (!keys[event.key]) return;
      keys[event.key]();
      event.preventDefault();
    });
    let held = null;
    this.canvas.addEventListener("pointerdown", (event) => {
      held = [event.clientX, event.clientY];
      this.canvas.setPointerCapture(event.pointerId);
    });
    this.canvas.addEventListener("pointerup", () => {
      held = null;
    });
    this.canvas.addEventListener("pointermove", (event) => {
      if (held) {
        this.turn((event.clientX - held[0]) / 120, (event.clientY - held[1]) / 120);
        held = [event.clientX, event.clientY];
      } else {
        this.caption.textContent = this._nameAt(event.offsetX, event.offsetY);
      }
    });
    this.canvas.addEventListener("pointerleave", () => {
      this.caption.textContent = "";
    });
    this.canvas.addEventListener(
      "wheel",
      (event) => {
        // The page scrolls unless the drawing was chosen first.
        if (document.activeElement !== this.canvas) return;
        event.preventDefault();
        this.magnify(event.deltaY < 0 ? 1.1 : 1 / 1.1);
      },
      { passive: false },
    );
  }

  /** Return a function from a point to its place on the canvas and its depth. */
  _projection() {
    const { azimuth, elevation, zoom } = this.view;
    const { centre, radius } = this.contents;
    const [ca, sa, ce, se] = [Math.cos(azimuth), Math.sin(azimuth), Math.cos(elevation), Math.sin(elevation)];
    const width = this.canvas.clientWidth;
    const scale = (zoom * 0.6 * Math.min(width, this.height)) / radius;
    return (x, y, z) => {
      const [dx, dy, dz] = [x - centre[0], y - centre[1], z - centre[2]];
      const right = ca * dx - sa * dy;
      const deep = sa * dx + ca * dy;
      const up = ce * dz - se * deep;
      return [width / 2 + scale * right, this.height / 2 - scale * up, (ce * deep + se * dz) / radius];
    };
  }

  _nameAt(x, y) {
    const place = this._projection();
    let best = { distance: REACH, name: "" };
    const meet = (point, name) => {
      const [px, py] = place(...point);
      const distance = Math.hypot(px - x, py - y);
      if (distance < best.distance) best = { distance, name };
    };
    for (const line of this.contents.lines) {
      if (!line.nameAt) continue;
      for (let k = 0; k < line.points.length / 3; k++) meet(line.points.subarray(3 * k, 3 * k + 3), line.nameAt(k));
    }
    this.contents.dots.forEach((dot) => meet(dot.point, dot.name));
    return best.name;
  }

  draw() {
    const width = this.canvas.clientWidth;
    if (!width) return;
    const ratio = window.devicePixelRatio || 1;
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(this.height * ratio);
    this.canvas.style.height = `${this.height}px`;
    const pen = this.canvas.getContext("2d");
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, this.height);
    const place = this._projection();
    this._drawAxes(pen, place);
    this._drawLines(pen, place);
    this._drawDots(pen, place);
  }

  _drawAxes(pen, place) {
    const { centre, radius, axes } = this.contents;
    pen.strokeStyle = themeColour("rule");
    pen.fillStyle = themeColour("faint");
    pen.font = "12px system-ui, sans-serif";
    pen.lineWidth = 1;
    const corner = centre.map((value) => value - 0.62 * radius);
    axes.forEach((name, axis) => {
      const end = [...corner];
      end[axis] += 1.24 * radius;
      const [x0, y0] = place(...corner);
      const [x1, y1] = place(...end);
      pen.beginPath();
      pen.moveTo(x0, y0);
      pen.lineTo(x1, y1);
      pen.stroke();
      const room = this.canvas.clientWidth - pen.measureText(name).width - 4;
      pen.fillText(name, Math.max(4, Math.min(room, x1 + 4)), Math.max(12, Math.min(this.height - 4, y1)));
    });
  }

  _drawLines(pen, place) {
    // Far segments first, and fainter: there is no other sign of depth.
    const segments = [];
    for (const line of this.contents.lines) {
      let before = null;
      for (let k = 0; k < line.points.length / 3; k++) {
        const [x, y, z] = line.points.subarray(3 * k, 3 * k + 3);
        const now = Number.isFinite(x + y + z) ? place(x, y, z) : null;
        if (before && now) segments.push({ line, before, now, depth: (before[2] + now[2]) / 2, k });
        before = now;
      }
    }
    segments.sort((a, b) => b.depth - a.depth);
    pen.lineCap = "round";
    for (const { line, before, now, depth, k } of segments) {
      pen.globalAlpha = Math.max(0.35, Math.min(1, 0.75 - 0.45 * depth)) * (line.fadeFrom !== undefined && k > line.fadeFrom ? 0.25 : 1);
      pen.strokeStyle = line.colour;
      pen.lineWidth = line.width ?? 1.6;
      pen.setLineDash(line.dash ?? []);
      pen.beginPath();
      pen.moveTo(before[0], before[1]);
      pen.lineTo(now[0], now[1]);
      pen.stroke();
    }
    pen.globalAlpha = 1;
    pen.setLineDash([]);
  }

  _drawDots(pen, place) {
    pen.font = "11px system-ui, sans-serif";
    for (const dot of this.contents.dots) {
      if (!dot.point.every(Number.isFinite)) continue;
      const [x, y] = place(...dot.point);
      pen.fillStyle = dot.colour;
      pen.beginPath();
      pen.arc(x, y, 3.5, 0, 2 * Math.PI);
      pen.fill();
      if (dot.mark) {
        pen.fillStyle = themeColour("ink");
        pen.fillText(dot.mark, x + 6, y + 4);
      }
    }
  }
}

/** Return the centre of some points (flat) and the radius of a ball about it that holds them. */
function extentOf(points) {
  const low = [Infinity, Infinity, Infinity];
  const high = [-Infinity, -Infinity, -Infinity];
  points.forEach((value, k) => {
    if (!Number.isFinite(value)) return;
    low[k % 3] = Math.min(low[k % 3], value);
    high[k % 3] = Math.max(high[k % 3], value);
  });
  if (!Number.isFinite(low[0])) return { centre: [0, 0, 0], radius: 1 };
  const centre = low.map((value, axis) => (value + high[axis]) / 2);
  const radius = Math.hypot(...low.map((value, axis) => (high[axis] - value) / 2)) || 1;
  return { centre, radius };
}
