/* /texts.js, which the server writes in the visitor's language. */
export const language: "en" | "ko";
declare const texts: Record<string, string>;
export default texts;
