/* Where in the gallery one is, as the address bar has it:
 *
 *   #gallery   #gallery/public?text=sea&order=oldest   #gallery?page=3   #gallery?entry=019a…
 *
 * So reloading, going back and a kept address come to the same place. How far an endless list
 * was walked goes into the history beside it.
 */

export const read = () => {
  const [path, asked] = location.hash.slice(1).split("?");
  const [view, which] = path.split("/");
  const wish = new URLSearchParams(asked);
  const take = (name) => { const value = wish.get(name); wish.delete(name); return value; };
  const page = Math.max(0, Number.parseInt(take("page"), 10) || 0); // 0: endless
  return {view, scope: which === "public" ? "public" : "mine", page, entry: take("entry"), wish};
};

const hash = ({scope, wish, page, entry}) => {
  const asked = new URLSearchParams(wish);
  if (page) asked.set("page", page);
  if (entry) asked.set("entry", entry);
  const path = scope === "public" ? "#gallery/public" : "#gallery";
  return asked.size ? `${path}?${asked}` : path;
};
export const list = (place) => hash({...place, entry: null}); // which list is shown, apart from what is open

export const turn = (place, state = null) => history.pushState(state, "", hash(place));
export const mend = (place, state = history.state) => history.replaceState(state, "", hash(place));
