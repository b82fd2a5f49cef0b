// What the page shows, and arrays as numbers.

const page = JSON.parse(document.getElementById("explorer-data").textContent);

const MISSING = -32768; // as in embedding.py

/** Return an array of the page: its shape, and its numbers in row-major order. */
function unpacked(packed) {
  const text = atob(packed.data);
  const bytes = Uint8Array.from(text, (character) => character.charCodeAt(0));
  if (packed.kind === "float32") {
    return { shape: packed.shape, values: new Float32Array(bytes.buffer) };
  }
  const integers = new Int16Array(bytes.buffer);
  const values = Float32Array.from(integers, (n) => (n === MISSING ? NaN : n * packed.scale));
  return { shape: packed.shape, values };
}

const unpackedArrays = new Map();

/** Return an array of the page, unpacked once. */
function arrayOf(packed) {
  if (!unpackedArrays.has(packed)) unpackedArrays.set(packed, unpacked(packed));
  return unpackedArrays.get(packed);
}

/** Return the numbers of one entry of an array: of `[2, 0]`, those at position 2, then 0. */
function entryOf(array, position) {
  const inner = array.shape.slice(position.length);
  const size = inner.reduce((product, n) => product * n, 1);
  let start = 0;
  position.forEach((k, axis) => {
    start = start * array.shape[axis] + k;
  });
  return { shape: inner, values: array.values.subarray(start * size, (start + 1) * size) };
}

/** Return the rows of a table that is stored by columns. */
function rowsOf(columns) {
  const names = Object.keys(columns);
  if (!names.length) return [];
  return columns[names[0]].map((_, k) => Object.fromEntries(names.map((name) => [name, columns[name][k]])));
}

const pairsByKind = Object.fromEntries(
  Object.entries(page.pairs).map(([kind, columns]) => [kind, rowsOf(columns)]),
);

/** Return the position of the number nearest to a value. */
function nearest(values, value) {
  let best = 0;
  values.forEach((candidate, k) => {
    if (Math.abs(candidate - value) < Math.abs(values[best] - value)) best = k;
  });
  return best;
}

/** Return what tells a network from others of its task set. */
function networkLabel(network) {
  return `${spaced(network.architecture)}, ${spaced(network.curriculum)}, seed ${network.seed}`;
}

/** Return a name of the configuration as words. */
function spaced(name) {
  return name.replaceAll("_", " ");
}

/** Return the name of a dimension as words, with the unit of time. */
function axisLabel(axis) {
  return axis.name === "time" ? "time (ms)" : spaced(axis.name);
}

/** Return the update of a network at a fraction of training: of its stored checkpoint where it has one. */
function updateAt(network, moment) {
  if (network.states) return network.states.step[moment];
  return Math.round(page.fractions[moment] * network.last_step);
}
