// What every page loads. Each part looks for what it works on and does nothing where that is not.
import "./outside.js";
import "./live.js";
import "./actions.js";
import "./form.js";
