// Before the first paint, hence no module: the theme somebody chose by hand. It is kept in localStorage.
(function () {
  var theme = null;
  try {
    theme = localStorage.getItem("runsheet-theme");
  } catch (error) {
    /* storage may be closed to us: follow the system */
  }
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
})();
