"use strict";
// Numbers as the build and the command line write them (format.py), to the last digit.
wattboard.numbers = (() => {
  const NARROW = "\u202f", MINUS = "\u2212", UNKNOWN = "unknown";
  const SCALES = {
    kWh: [[1e5, "MWh", 1e3], [0.1, "kWh", 1], [1e-4, "Wh", 1e-3], [0, "mWh", 1e-6]],
    h: [[1, "h", 1], [1 / 30, "min", 1 / 60], [0, "s", 1 / 3600]],
    kg: [[1e4, "t", 1e3], [0.1, "kg", 1], [1e-4, "g", 1e-3], [0, "mg", 1e-6]],
  };

  // Ties go to even, as Python rounds, and are ties only where the binary number's digits end there:
  // toLocaleString rounds the shortest decimals, and would make 381.0 of 380.95, which is a little less.
  function fixed(value, digits) {
    const rounded = value.toFixed(digits), exact = value.toFixed(100);
    const cut = exact.indexOf(".") + 1 + digits;
    if (!/^50*$/.test(exact.slice(cut))) return rounded;
    const down = exact.slice(0, digits ? cut : cut - 1);
    return Number(down.at(-1)) % 2 ? rounded : down;
  }
  function decimals(value) {
    const size = Math.abs(value);
    if (Number.isInteger(value) && size < 1e15) return 0;
    if (size >= 0.01) return size >= 10 ? 1 : size >= 1 ? 2 : 3;
    return Math.min(2 - Math.floor(Math.log10(size)), 15);
  }
  function number(value, digits) {
    if (value === null) return UNKNOWN;
    const text = fixed(Math.abs(value), digits ?? decimals(value));
    const [whole, part] = text.split(".");
    const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ",") + (part ? `.${part}` : "");
    return value < 0 && /[1-9]/.test(text) ? MINUS + grouped : grouped;
  }
  const quantity = (value, unit, digits) => (value === null ? UNKNOWN : number(value, digits) + (unit ? NARROW + unit : ""));

  // The unit that suits a value, and how many of the given unit it is.
  function scale(value, unit) {
    if (!value) return [unit, 1];
    const [, name, factor] = SCALES[unit].find(([from]) => Math.abs(value) >= from);
    return [name, factor];
  }
  function scaled(value, unit) {
    const [name, factor] = scale(value, unit);
    return quantity(value / factor, name);
  }
  function ranged({ value, low, high }, unit) {
    const factor = scale(value, unit)[1];
    return scaled(value, unit) + (low === high ? "" : ` (${number(low / factor)} to ${number(high / factor)})`);
  }

  function money(value, currency) {
    if (value === null) return UNKNOWN;
    return quantity(value, currency ?? "", !value || Math.abs(value) >= 0.1 ? 2 : decimals(value));
  }

  return { number, quantity, scale, scaled, ranged, money };
})();
