/* The API's page: its colours; and an operation that the address names is open. */
import {setUpPage} from "../core/text.js";

const unfold = () => {
  const named = document.getElementById(location.hash.slice(1));
  if (named instanceof HTMLDetailsElement) named.open = true;
};
setUpPage();
addEventListener("hashchange", unfold);
unfold();
