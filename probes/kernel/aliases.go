package kernel

import (
	"io/fs"
	"path"
	"strings"
)

// An Alias says that a module drives the devices whose modalias matches a
// pattern, such as "of:N*T*Cvirtio,mmio" or "virtio:d00000004v*".
type Alias struct{ Pattern, Module string }

// Matches tells whether the alias is for a device of that modalias. Most differ
// before the pattern's first wildcard.
func (a Alias) Matches(modalias string) bool {
	if plain := strings.IndexAny(a.Pattern, `*?[\`); plain > 0 && !strings.HasPrefix(modalias, a.Pattern[:plain]) {
		return false
	}
	ok, err := path.Match(a.Pattern, modalias)
	return err == nil && ok
}

// ParseAliases reads the text of modules.alias (man 5 modules.alias): lines
// "alias PATTERN MODULE". Other lines are passed over.
func ParseAliases(text string) []Alias {
	var out []Alias
	for line := range strings.Lines(text) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "alias" {
			out = append(out, Alias{Pattern: f[1], Module: f[2]})
		}
	}
	return out
}

// ParseBuiltin reads modules.builtin.modinfo, what the modules that are built
// in say of themselves: "MODULE.KEY=VALUE", a NUL behind each
// (scripts/modpost.c).
func ParseBuiltin(data string) []Alias {
	var out []Alias
	for item := range strings.SplitSeq(data, "\x00") {
		module, rest, ok := strings.Cut(item, ".")
		pattern, isAlias := strings.CutPrefix(rest, "alias=")
		if ok && isAlias && pattern != "" && module != "" {
			out = append(out, Alias{Pattern: pattern, Module: module})
		}
	}
	return out
}

// LoadAliases reads what the running kernel can drive: first by the modules
// that the guest has at hand, then by itself. A kernel whose lists are not
// there is known to drive nothing. The lists are not to be changed.
func LoadAliases(fsys fs.FS, release string) (modules, builtin []Alias) {
	dir := path.Join("lib/modules", release)
	return loadAliases(fsys, path.Join(dir, "modules.alias"), ParseAliases),
		loadAliases(fsys, path.Join(dir, "modules.builtin.modinfo"), ParseBuiltin)
}

func loadAliases(fsys fs.FS, name string, parse func(text string) []Alias) []Alias {
	aliases, _ := keep(fsys, name, func() ([]Alias, error) {
		text, err := fs.ReadFile(fsys, name)
		return parse(string(text)), err
	})
	return aliases
}
