/* What the admin's views share: requests that change something, and small parts. */
import {ask, sentence, status, tell} from "../core/api.js";
import {button, rows, twice} from "../core/controls.js";
import {element} from "../core/dom.js";
import {under} from "../core/place.js";
import {t} from "../core/text.js";

export const API = under("/api/v1/admin");
export const wrong = element("p", {class: "wrong", role: "alert"});
/** What the shell does: draws the view again, or asks for the secret. */
const shell = {draw: () => {}, signIn: () => {}};
/** @param {typeof shell} given */
export const useShell = (given) => Object.assign(shell, given);

/** Says what went wrong, or asks for the secret.
 * @param {unknown} error */
export const failed = (error) => {
  if (status(error) === 401) return shell.signIn();
  wrong.textContent = sentence(error);
};
/**
 * Does something, says what went wrong, and draws the view again.
 * @param {string} address
 * @param {object | null} [body]
 * @param {string} [method]
 */
export const act = async (address, body, method = "POST") => {
  wrong.textContent = "";
  try {
    await tell(API + address, body ?? {}, method);
  } catch (error) {
    return failed(error);
  }
  shell.draw();
};
/**
 * A button that acts at once.
 * @param {string} name of its text
 * @param {string} address
 * @param {string} [method]
 */
export const does = (name, address, method = "POST") =>
  button(t(name), null, ({currentTarget}) => {
    currentTarget.disabled = true;
    act(address, null, method);
  });
/**
 * A button that acts at the second press.
 * @param {string} name of its text
 * @param {string} address
 * @param {object | null} [body]
 * @param {string} [method]
 */
export const surely = (name, address, body, method) =>
  twice(t(name), t("admin.sure"), null, () => act(address, body, method));
/**
 * @param {string} who
 * @param {string} name of its text
 */
export const block = (who, name) => surely(name, "/blocks", {who});

/** @param {string} id of a job */
export const remove = (id) => surely("admin.delete", `/jobs/${id}`, null, "DELETE");

/**
 * A list that goes on.
 * @template Item
 * @param {string} address with a query
 * @param {(answer: any) => Item[]} items of an answer
 * @param {(item: Item) => HTMLElement} row
 * @param {string} empty
 * @returns {Promise<HTMLElement[]>}
 */
export const endless = async (address, items, row, empty) => {
  const list = element("ul", {class: "rows"});
  /** @type {string | null} */
  let before = null;
  const older = button(
    t("older"),
    null,
    () => {
      load().catch(failed);
    },
    {hidden: true},
  );
  const load = async () => {
    const answer = await ask(`${API}${address}${before ? `&before=${before}` : ""}`);
    list.append(...items(answer).map(row));
    before = answer.next;
    older.hidden = !before;
  };
  await load();
  return list.children.length ? [list, older] : [rows([], empty)];
};
