/* Elements of the page. What they show goes in as text, never as HTML. */

/**
 * An element with attributes, handlers (`on…`) and parts.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Page.Given<HTMLElementTagNameMap[Tag]>} [given]
 * @param {...Page.Parts} inside
 */
export const element = (tag, given, ...inside) => {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(given ?? {})) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), /** @type {EventListener} */ (value));
    else if (value !== null && value !== undefined && value !== false)
      made.setAttribute(name, value === true ? "" : String(value));
  }
  made.append(...inside.flat().filter((part) => part !== null && part !== undefined));
  return made;
};

/**
 * The element of a selector and kind, which must be there.
 * @template {HTMLElement} [Kind=HTMLElement]
 * @param {ParentNode} within
 * @param {string} selector
 * @param {{new (): Kind}} [kind]
 * @returns {Kind}
 */
export const find = (within, selector, kind) => {
  const found = within.querySelector(selector);
  if (found instanceof (kind ?? HTMLElement)) return /** @type {Kind} */ (found);
  throw new TypeError(selector);
};

/**
 * The element of a selector, once it is there: Gradio draws its parts one after the other.
 * @param {string} selector
 * @returns {Promise<HTMLElement>}
 */
export const whenThere = (selector) =>
  new Promise((done) => {
    const look = () => {
      const found = document.querySelector(selector);
      if (!(found instanceof HTMLElement)) return;
      observer.disconnect();
      done(found);
    };
    const observer = new MutationObserver(look);
    observer.observe(document, {childList: true, subtree: true});
    look();
  });

/**
 * All elements of a selector.
 * @param {ParentNode} within
 * @param {string} selector
 * @returns {HTMLElement[]}
 */
export const all = (within, selector) =>
  [...within.querySelectorAll(selector)].filter((one) => one instanceof HTMLElement);

/**
 * The element an event happened in that fits a selector.
 * @param {Event} event
 * @param {string} selector
 */
export const origin = (event, selector) => {
  const found = event.target instanceof Element ? event.target.closest(selector) : null;
  return found instanceof HTMLElement ? found : null;
};

/**
 * Changes a text only if it is another: a screen reader repeats what is written again.
 * @param {Element} box
 * @param {string} text
 */
export const setText = (box, text) => {
  if (box.textContent !== text) box.textContent = text;
};

/**
 * Draws the inside of a box if its face, a text that says what is shown, has changed.
 * @param {HTMLElement} box
 * @param {string} face
 * @param {() => Page.Part[]} parts
 * @param {HTMLElement} [inside] where the parts go, if not straight into the box
 */
export const drawIfChanged = (box, face, parts, inside = box) => {
  if (box.dataset.face === face) return false;
  box.dataset.face = face;
  inside.replaceChildren(...parts().filter((part) => part !== null && part !== undefined));
  return true;
};

/**
 * Makes the children of a list follow its items, in their order. A child is kept while its face
 * stays, made again when that changes (it keeps the focus then), and removed with its item.
 * @template Item
 * @param {HTMLElement} list
 * @param {Item[]} items
 * @param {{key: (item: Item) => string, face: (item: Item) => string, make: (item: Item) => HTMLElement}} how
 * @returns {HTMLElement[]} the children, as the items
 */
export const reconcile = (list, items, {key, face, make}) => {
  const wanted = new Set(items.map(key));
  const old = new Map();
  for (const child of all(list, ":scope > *")) {
    if (wanted.has(child.dataset.id ?? "")) old.set(child.dataset.id, child);
    else child.remove();
  }
  return items.map((item, place) => {
    let child = old.get(key(item));
    if (!child || child.dataset.face !== face(item)) {
      const fresh = make(item);
      Object.assign(fresh.dataset, {id: key(item), face: face(item)});
      const focused = child?.contains(document.activeElement);
      child?.replaceWith(fresh);
      child = fresh;
      if (focused) fresh.focus();
    }
    if (list.children[place] !== child) list.insertBefore(child, list.children[place] ?? null);
    return child;
  });
};

/**
 * Fills an input of Gradio's, as a hand would.
 * @param {Element | null} input
 * @param {string} text
 */
export const fill = (input, text) => {
  if (!input) return;
  Object.getOwnPropertyDescriptor(Object.getPrototypeOf(input), "value")?.set?.call(input, text);
  input.dispatchEvent(new Event("input", {bubbles: true}));
};

/**
 * Gives a box the shape of a picture.
 * @template {HTMLElement} Box
 * @param {Box} box
 * @param {number | null} width
 * @param {number | null} height
 */
export const shaped = (box, width, height) => {
  box.style.setProperty("--ratio", String((width ?? 1) / (height ?? 1)));
  return box;
};
