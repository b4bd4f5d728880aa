/* Who the visitor is to the studio, what is kept of them, their keys, and the end of all of it. */
import {ask, sentence, tell} from "../core/api.js";
import {anchor, button, copied, row, rows, small, twice, what} from "../core/controls.js";
import {element, find} from "../core/dom.js";
import {under} from "../core/place.js";
import * as router from "../core/router.js";
import {bulk, moment, t} from "../core/text.js";
import {forget} from "../form/memory.js";

const ME = under("/api/v1/me");
let root = element("section");

/** @param {string} text */
const say = (text) => {
  const line = find(root, ".wrong");
  line.textContent = text;
  if (text) line.scrollIntoView({block: "nearest"});
};
/** What a press does, or why it could not.
 * @param {() => Promise<unknown>} act */
const doing = (act) => async () => {
  say("");
  try {
    await act();
  } catch (error) {
    say(sentence(error));
  }
};
/**
 * @param {string} name
 * @param {...Page.Parts} inside
 */
const part = (name, ...inside) => element("section", {"aria-label": t(name)}, element("h2", {}, t(name)), ...inside);

/** @param {Api.Kept} me */
const who = (me) =>
  part(
    "you.who",
    element("p", {}, me.signed_in ? t("you.signed", {name: me.name || t("you.nameless")}) : t("you.anonymous")),
    me.signed_in
      ? button(
          t("sign.out"),
          null,
          doing(async () => {
            await tell(under("/sign-out"));
            forget();
            location.reload();
          }),
        )
      : me.can_sign_in
        ? anchor(t("sign.in"), "open", {href: under("/sign-in")})
        : null,
    me.can_sign_in && !me.signed_in ? element("p", {class: "hint"}, t("you.sign.in")) : null,
  );
/** @param {Api.Kept} me */
const kept = (me) =>
  part(
    "you.kept",
    element("p", {}, me.most ? t("you.kept.of", {kept: bulk(me.kept), most: bulk(me.most)}) : bulk(me.kept)),
    me.most ? element("progress", {max: me.most, value: me.kept, "aria-label": t("you.kept")}) : null,
  );
/** @param {Api.NewKey} made */
const fresh = (made) =>
  element(
    "div",
    {class: "fresh", role: "status"},
    element("p", {}, t("you.key.once")),
    element(
      "div",
      {class: "sharing"},
      copied(made.key, made.name, () => say("")),
    ),
  );
/**
 * @param {Api.KeyView[]} list
 * @param {Api.NewKey | null} made just now
 */
const keys = (list, made) => {
  const name = element("input", {
    type: "text",
    required: true,
    maxlength: 60,
    placeholder: t("you.key.name"),
    "aria-label": t("you.key.name"),
  });
  const make = doing(async () => draw(await tell(`${ME}/keys`, {name: name.value})));
  /** @param {Api.KeyView} key */
  const revoke = (key) =>
    twice(
      t("you.key.revoke"),
      t("you.key.sure"),
      "stop",
      doing(async () => {
        await ask(`${ME}/keys/${key.id}`, {method: "DELETE"});
        await draw();
        find(root, "form input").focus();
      }),
    );
  return part(
    "you.keys",
    element("p", {class: "hint"}, t("you.keys.text")),
    made ? fresh(made) : null,
    rows(
      list.map((key) =>
        row(
          what(
            element("strong", {}, key.name),
            small(
              `${key.prefix}…`,
              t("you.key.made", {when: moment(key.made)}),
              key.used ? t("you.key.used", {when: moment(key.used)}) : t("you.key.unused"),
            ),
          ),
          revoke(key),
        ),
      ),
      t("you.keys.none"),
    ),
    element(
      "form",
      {
        class: "sharing",
        onsubmit: (event) => {
          event.preventDefault();
          make();
        },
      },
      name,
      element("button", {class: "quiet"}, t("you.key.make")),
    ),
  );
};
const end = () =>
  part(
    "you.end",
    element("p", {class: "hint"}, t("you.end.text")),
    twice(
      t("you.end.all"),
      t("you.end.sure"),
      "bin",
      doing(async () => {
        await ask(ME, {method: "DELETE"});
        forget();
        location.assign(under("/"));
      }),
    ),
  );

/** @param {Api.NewKey | null} [made] the key that was made just now */
const draw = async (made = null) => {
  try {
    const [me, list] = await Promise.all([ask(ME), ask(`${ME}/keys`)]);
    root.replaceChildren(element("p", {class: "wrong", role: "alert"}), who(me), kept(me), keys(list, made), end());
    if (made) find(root, ".fresh input").focus();
  } catch (error) {
    root.replaceChildren(
      element("p", {class: "wrong", role: "alert"}, sentence(error)),
      button(t("try.again"), null, () => draw()),
    );
  }
};

/** @param {HTMLElement} host */
export const start = (host) => {
  root = find(host, "#you");
  router.follow(({view}) => {
    if (view === "you") draw();
  });
};
