/* A window on the canvas that regions are painted on: it can be made larger, and moved. */

const MOST = 6,
  STEP = 1.5;

/**
 * @param {HTMLElement} box what is seen of it; it scrolls
 * @param {HTMLElement} inside
 */
export const zoom = (box, inside) => {
  let level = 1;
  /** Makes it larger, so that what is at a place of the window stays there.
   * @param {number} wanted
   * @param {Page.Spot} [at] in pixels of the window */
  const set = (wanted, at) => {
    const frame = box.getBoundingClientRect(),
      before = inside.getBoundingClientRect();
    const {x, y} = at ?? {x: frame.left + frame.width / 2, y: frame.top + frame.height / 2};
    const share = {x: (x - before.left) / before.width, y: (y - before.top) / before.height};
    level = Math.min(MOST, Math.max(1, wanted));
    inside.style.setProperty("--zoom", String(level));
    const now = inside.getBoundingClientRect();
    box.scrollLeft += now.left + share.x * now.width - x;
    box.scrollTop += now.top + share.y * now.height - y;
  };
  /** @param {import("./canvas.js").Pair} pair */
  const middle = ([one, other]) => ({x: (one.x + other.x) / 2, y: (one.y + other.y) / 2});
  /** @param {import("./canvas.js").Pair} pair */
  const apart = ([one, other]) => Math.hypot(one.x - other.x, one.y - other.y) || 1;
  box.addEventListener(
    "wheel",
    (event) => {
      if (!event.ctrlKey) return; // which a pinch on a touchpad sends as well
      event.preventDefault();
      set(level * Math.exp(-event.deltaY / 200), {x: event.clientX, y: event.clientY});
    },
    {passive: false},
  );
  return {
    larger: () => set(level * STEP),
    smaller: () => set(level / STEP),
    whole: () => set(1),
    /** Follows two fingers.
     * @param {import("./canvas.js").Pair} before
     * @param {import("./canvas.js").Pair} now */
    pinch: (before, now) => {
      const from = middle(before),
        to = middle(now);
      set((level * apart(now)) / apart(before), from);
      box.scrollLeft -= to.x - from.x;
      box.scrollTop -= to.y - from.y;
    },
  };
};
