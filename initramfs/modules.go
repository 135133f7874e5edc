package initramfs

import (
	"bytes"
	"compress/gzip"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"github.com/ulikunitz/xz"
)

// ErrNoModule says that a module tree has no file for a module's name.
var ErrNoModule = errors.New("no such module")

// maxModule bounds an unpacked module; Linux's largest, amdgpu, has 20 MB.
const maxModule = 64 << 20

// A Tree is a kernel's module tree, such as /lib/modules/6.1.0-56-arm64.
type Tree struct {
	Release string // the directory's name: what the kernel calls its release
	dir     string
	files   map[string]string // path below dir by canonical module name
	builtin map[string]bool
}

// OpenTree finds the module tree in dir: dir itself, or the only directory of
// lib/modules or usr/lib/modules below it.
func OpenTree(dir string) (*Tree, error) {
	if abs, err := filepath.Abs(dir); err == nil {
		dir = abs
	}
	root, err := treeRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open module tree: %w", err)
	}
	t := &Tree{Release: filepath.Base(root), dir: root, files: map[string]string{}, builtin: map[string]bool{}}
	err = filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if module, ok := moduleName(d.Name()); ok && d.Type().IsRegular() {
			rel, err := filepath.Rel(root, name)
			t.files[module] = filepath.ToSlash(rel)
			return err
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("open module tree: %w", err)
	}
	return t, t.readBuiltin()
}

func treeRoot(dir string) (string, error) {
	for _, sub := range []string{"lib/modules", "usr/lib/modules"} {
		found, err := filepath.Glob(filepath.Join(dir, sub, "*"))
		if err != nil {
			return "", err
		}
		switch len(found) {
		case 0:
		case 1:
			return found[0], nil
		default:
			return "", fmt.Errorf("%s holds %d kernels' modules: name one of them", filepath.Join(dir, sub), len(found))
		}
	}
	for _, sign := range []string{"modules.builtin", "modules.order", "kernel"} {
		if _, err := os.Stat(filepath.Join(dir, sign)); err == nil {
			return dir, nil
		}
	}
	return "", fmt.Errorf("%s: neither a kernel's module directory nor one with lib/modules below it", dir)
}

func (t *Tree) readBuiltin() error {
	text, err := os.ReadFile(filepath.Join(t.dir, "modules.builtin"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("open module tree: %w", err)
	}
	for line := range strings.Lines(string(text)) {
		if module, ok := moduleName(path.Base(strings.TrimSpace(line))); ok {
			t.builtin[module] = true
		}
	}
	return nil
}

// moduleName returns the canonical name of a module's file: without its
// suffixes, dashes as underscores, as in /proc/modules.
func moduleName(file string) (string, bool) {
	for _, packed := range []string{".xz", ".gz", ".zst"} {
		file = strings.TrimSuffix(file, packed)
	}
	name, ok := strings.CutSuffix(file, ".ko")
	return strings.ReplaceAll(name, "-", "_"), ok
}

// A Module is one module, unpacked, and the names of those it needs.
type Module struct {
	Path    string // below the tree, ending in .ko
	Data    []byte
	Depends []string
	Aliases []string // patterns of the devices that it drives
}

// Load reads and unpacks a module: the guest would take ten seconds for what
// the host does in a moment.
func (t *Tree) Load(name string) (Module, error) {
	file, ok := t.files[strings.ReplaceAll(name, "-", "_")]
	if !ok {
		return Module{}, fmt.Errorf("%s: %w", name, ErrNoModule)
	}
	packed, err := os.ReadFile(filepath.Join(t.dir, filepath.FromSlash(file)))
	if err != nil {
		return Module{}, err
	}
	data, err := unpack(path.Ext(file), packed, maxModule)
	if err != nil {
		return Module{}, fmt.Errorf("unpack %s: %w", file, err)
	}
	info, err := modinfo(data)
	if err != nil {
		return Module{}, fmt.Errorf("%s: %w", file, err)
	}
	dir, _ := path.Split(file)
	base, _, _ := strings.Cut(path.Base(file), ".ko")
	return Module{
		Path:    dir + base + ".ko",
		Data:    data,
		Depends: strings.FieldsFunc(first(info["depends"]), func(r rune) bool { return r == ',' }),
		Aliases: info["alias"],
	}, nil
}

// unpack returns what was packed into a file with that suffix, at most so many
// bytes of it.
func unpack(suffix string, packed []byte, most int64) ([]byte, error) {
	var in io.Reader = bytes.NewReader(packed)
	var err error
	switch suffix {
	case ".xz":
		in, err = xz.NewReader(in)
	case ".gz":
		in, err = gzip.NewReader(in)
	case ".zst":
		in, err = zstd.NewReader(in)
	case ".lz4":
		in = lz4.NewReader(in)
	}
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(in, most+1))
	if err == nil && int64(len(data)) > most {
		err = fmt.Errorf("more than %d MiB", most>>20)
	}
	return data, err
}

// first returns the first value, empty where there is none.
func first(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[0]
}

// modinfo reads the .modinfo section of a module: NUL-terminated key=value
// strings (include/linux/moduleparam.h).
func modinfo(data []byte) (map[string][]string, error) {
	file, err := elf.NewFile(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	defer file.Close()
	section := file.Section(".modinfo")
	if section == nil {
		return nil, errors.New("no .modinfo section: not a kernel module")
	}
	text, err := section.Data()
	if err != nil {
		return nil, err
	}
	info := map[string][]string{}
	for item := range strings.SplitSeq(string(text), "\x00") {
		if key, value, ok := strings.Cut(item, "="); ok {
			info[key] = append(info[key], value)
		}
	}
	return info, nil
}

// Closure loads the wanted modules and all they need, by path. Names that are
// built in need nothing; names the tree does not have are returned as missing.
func (t *Tree) Closure(wanted []string) (modules []Module, missing []string, err error) {
	loaded := map[string]Module{}
	for todo := slices.Clone(wanted); len(todo) > 0; {
		name := strings.ReplaceAll(todo[0], "-", "_")
		todo = todo[1:]
		if _, done := loaded[name]; done || t.builtin[name] {
			continue
		}
		m, err := t.Load(name)
		switch {
		case errors.Is(err, ErrNoModule):
			missing = append(missing, name)
			continue
		case err != nil:
			return nil, nil, err
		}
		loaded[name] = m
		todo = append(todo, m.Depends...)
	}
	for _, m := range loaded {
		modules = append(modules, m)
	}
	slices.SortFunc(modules, func(a, b Module) int { return strings.Compare(a.Path, b.Path) })
	return modules, missing, nil
}

// modulesDep writes what modprobe reads: each module's path and, behind a
// colon, those of all it needs (man 5 modules.dep).
func (t *Tree) modulesDep(modules []Module) []byte {
	byName := map[string]Module{}
	for _, m := range modules {
		name, _ := moduleName(path.Base(m.Path))
		byName[name] = m
	}
	var out bytes.Buffer
	for _, m := range modules {
		out.WriteString(m.Path + ":")
		for _, name := range m.Depends {
			if needed, ok := byName[strings.ReplaceAll(name, "-", "_")]; ok {
				out.WriteString(" " + needed.Path)
			}
		}
		out.WriteByte('\n')
	}
	return out.Bytes()
}

// builtinInfo is where a kernel keeps what its built-in modules say of
// themselves (Documentation/kbuild/kbuild.rst).
const builtinInfo = "modules.builtin.modinfo"

// lists writes what tells a guest's programs about modules, by name below the
// tree: modules.dep and modules.alias of those that go with it, and the
// kernel's own account of what is built in.
func (t *Tree) lists(modules []Module) (map[string][]byte, error) {
	lists := map[string][]byte{"modules.dep": t.modulesDep(modules), "modules.alias": modulesAlias(modules)}
	builtin, err := os.ReadFile(filepath.Join(t.dir, builtinInfo))
	if errors.Is(err, fs.ErrNotExist) {
		return lists, nil
	}
	lists[builtinInfo] = builtinAliases(builtin)
	return lists, err
}

// builtinAliases keeps of the items "MODULE.KEY=VALUE", a NUL behind each, those
// that a guest reads: a twentieth.
func builtinAliases(info []byte) []byte {
	var out []byte
	for item := range bytes.SplitAfterSeq(info, []byte{0}) {
		if bytes.Contains(item, []byte(".alias=")) {
			out = append(out, item...)
		}
	}
	return out
}

// modulesAlias writes which devices ask for which module (man 5
// modules.alias).
func modulesAlias(modules []Module) []byte {
	var out bytes.Buffer
	for _, m := range modules {
		name, _ := moduleName(path.Base(m.Path))
		for _, pattern := range m.Aliases {
			fmt.Fprintf(&out, "alias %s %s\n", pattern, name)
		}
	}
	return out.Bytes()
}
