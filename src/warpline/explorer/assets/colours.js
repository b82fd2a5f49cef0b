// Colours that colour-blind readers can tell apart (the palette of the figures), never alone: lines have
// numbers at their ends, cells have their values.

const [BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY] = page.palette;

/** Return the red, green and blue of a colour, 0 to 255. */
function channels(hex) {
  return [1, 3, 5].map((start) => parseInt(hex.slice(start, start + 2), 16));
}

/** Return a colour between two, at a share of the way. */
function mixed(from, to, share) {
  const [a, b] = [channels(from), channels(to)];
  return `rgb(${a.map((value, k) => Math.round(value + share * (b[k] - value))).join(" ")})`;
}

/** Return the colour of a signal in [-1, 1]: blue below 0, grey at 0, vermilion above. */
function signalColour(signal) {
  if (!signal) return "#8a8a8a";
  // Weak signals start at a third of the way, so that they differ from none.
  return mixed("#8a8a8a", signal < 0 ? BLUE : VERMILION, 0.35 + 0.65 * Math.min(1, Math.abs(signal)));
}

const VIRIDIS = ["#440154", "#472c7a", "#3b518b", "#2c718e", "#21908d", "#27ad81", "#5cc863", "#aadc32", "#fde725"];

/** Return the colour of a share in [0, 1] of the colour map viridis. */
function mapColour(share) {
  const place = Math.min(1, Math.max(0, share)) * (VIRIDIS.length - 1);
  const below = Math.min(Math.floor(place), VIRIDIS.length - 2);
  return mixed(VIRIDIS[below], VIRIDIS[below + 1], place - below);
}

/** Return black or white, whichever can be read on a colour of the map (luma, ITU-R BT.601). */
function readableOn(colour) {
  const [red, green, blue] = colour.match(/\d+/g).map(Number);
  return 0.299 * red + 0.587 * green + 0.114 * blue > 140 ? "#000" : "#fff";
}

/** Return a colour of the page's theme. */
function themeColour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}
