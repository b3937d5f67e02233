// What the JavaScript of the course has to keep to. tests/whole_course/test_lint.py runs it.
import js from "@eslint/js";
import globals from "globals";

// What sketch.js uses of p5.js, and what p5.js and connection.js call in it.
const p5 = ["CHAR", "LEFT", "RIGHT", "TOP", "WORD", "background", "beginShape", "ceil", "circle",
  "constrain", "createCanvas", "describe", "endShape", "fill", "floor", "height", "map", "max",
  "min", "noFill", "pop", "push", "resizeCanvas", "stroke", "strokeWeight", "text", "textAlign",
  "textSize", "textWrap", "translate", "vertex", "width"];
const called = "^(setup|draw|messageReceived|clearPressed)$";

export default [
  js.configs.recommended,
  {
    files: ["**/*.js"],
    linterOptions: { reportUnusedDisableDirectives: "error" },
    languageOptions: { sourceType: "script", globals: globals.browser },
    rules: {
      "eqeqeq": "error",
      "no-var": "error",
      "prefer-const": "error",
      "no-shadow": "error",
      "no-eval": "error",
      "no-implied-eval": "error",
      "no-console": "error",
      "object-shorthand": "error",
      "prefer-template": "error",
      "camelcase": "error",
      "max-lines-per-function": ["error", { max: 20 }],
      // What has arrived is shown, never run: textContent is the way.
      "no-restricted-properties": ["error",
        ...["innerHTML", "outerHTML", "insertAdjacentHTML", "html", "write"].map((property) =>
          ({ property, message: "Use textContent." }))],
    },
  },
  {
    files: ["p5js_client/*.js"],
    languageOptions: {
      globals: Object.fromEntries(p5.map((name) => [name, "readonly"])),
    },
    rules: {
      // A name of p5.js or of the browser, used for something else, would hide it.
      "no-redeclare": ["error", { builtinGlobals: true }],
      "no-unused-vars": ["error", { varsIgnorePattern: called }],
    },
  },
];
