// A form that a script sends takes no input before that script runs: the browser would send it itself, which loads the
// page anew and loses what was typed.

/** The page's script runs: its forms, `inert` as the server sends them, take input. */
export function scripted() {
  for (const form of document.querySelectorAll("form[inert]")) form.inert = false;
  document.documentElement.classList.add("scripted");
}
