/* Elements of the page. What they show goes in as text, never as HTML. */

export const element = (tag, given = {}, ...inside) => {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(given)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...inside.flat().filter((part) => part !== null && part !== undefined));
  return made;
};

/* Fills an input of Gradio's, as a hand would. */
export const fill = (input, text) => {
  Object.getOwnPropertyDescriptor(Object.getPrototypeOf(input), "value").set.call(input, text);
  input.dispatchEvent(new Event("input", {bubbles: true}));
};

export const shaped = (box, width, height) => {
  box.style.setProperty("--ratio", width / height);
  return box;
};
