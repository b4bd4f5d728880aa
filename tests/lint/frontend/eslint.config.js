import js from "@eslint/js";
import globals from "globals";

export default [
  js.configs.recommended,
  {
    files: ["web/static/**/*.js"],
    languageOptions: {globals: globals.browser},
    linterOptions: {reportUnusedDisableDirectives: "error"},
    rules: {
      "eqeqeq": "error",
      "max-lines": ["error", 250],
      "no-implicit-globals": "error",
      "no-restricted-properties": ["error",
        ...["innerHTML", "outerHTML", "insertAdjacentHTML"].map((property) => ({property, message: "What is shown goes in as text: core/dom.js."})),
      ],
      "no-var": "error",
      "prefer-const": "error",
    },
  },
];
