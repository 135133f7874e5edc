// Package initramfs builds what boots: it fetches a kernel and packs the
// suite's init and the kernel's modules into an initramfs.
//
// The archive holds /init, the directories that it mounts on, /dev/console and
// /dev/null. Below /lib/modules/RELEASE are the wanted modules with all modules
// they need, modules.dep and modules.alias to load them by, the list of built-in
// drivers, and the kernel's configuration if it is known. By these init knows
// whether the kernel lacks something or the VM. The same input gives the same
// bytes.
package initramfs

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pierrec/lz4/v4"
	"github.com/u-root/u-root/pkg/cpio"
)

// Limits on what a guest has to load, in bytes.
const (
	MaxInit      = 5_000_000
	MaxInitramfs = 6_000_000
)

// Config is what goes into an initramfs.
type Config struct {
	Init    string   // path of the static executable
	Tree    *Tree    // nil for a kernel with everything built in
	Modules []string // wanted, by name
	Kconfig string   // path of the kernel's configuration; empty if unknown
}

// Write packs the initramfs and returns its size in bytes and the wanted
// modules that the tree does not have.
func Write(out io.Writer, c Config) (size int, missing []string, err error) {
	records, missing, err := c.records()
	if err != nil {
		return 0, nil, fmt.Errorf("build initramfs: %w", err)
	}
	var packed bytes.Buffer
	if err := compress(&packed, records); err != nil {
		return 0, nil, fmt.Errorf("build initramfs: %w", err)
	}
	if packed.Len() > MaxInitramfs {
		return 0, nil, fmt.Errorf("build initramfs: %d bytes, at most %d", packed.Len(), MaxInitramfs)
	}
	n, err := out.Write(packed.Bytes())
	return n, missing, err
}

func (c Config) records() (records []cpio.Record, missing []string, err error) {
	init, err := os.ReadFile(c.Init)
	if err != nil {
		return nil, nil, err
	}
	if len(init) > MaxInit {
		return nil, nil, fmt.Errorf("init %s has %d bytes, at most %d", c.Init, len(init), MaxInit)
	}
	records = []cpio.Record{
		cpio.StaticFile("init", string(init), 0o755),
		// Without these two Go exits before main on a VM whose console is a module.
		cpio.CharDev("dev/console", 0o600, 5, 1),
		cpio.CharDev("dev/null", 0o666, 1, 3),
	}
	for _, dir := range []string{"proc", "sys", "tmp"} {
		records = append(records, cpio.Directory(dir, 0o755))
	}
	if c.Tree != nil {
		var modules []cpio.Record
		if modules, missing, err = c.moduleRecords(); err != nil {
			return nil, nil, err
		}
		records = append(records, modules...)
	}
	if c.Kconfig == "" {
		return records, missing, nil
	}
	config, err := os.ReadFile(c.Kconfig)
	if err != nil {
		return nil, nil, err
	}
	if !strings.Contains("\n"+string(config), "\n"+unpacks+"=y\n") {
		return nil, nil, fmt.Errorf("%s: %s is not y: this kernel cannot unpack the initramfs", c.Kconfig, unpacks)
	}
	release := c.release()
	if release == "" {
		return nil, nil, fmt.Errorf("%s: neither a module tree nor its name, config-RELEASE, says which kernel it is of", c.Kconfig)
	}
	return append(records, cpio.StaticFile(path.Join("lib/modules", release, "config"), setOptions(string(config)), 0o644)), missing, nil
}

// unpacks is the option of a kernel that can unpack what [compress] packs.
const unpacks = "CONFIG_RD_LZ4"

// setOptions keeps the options that are set. The guest looks for these alone, and
// the others are half of a configuration.
func setOptions(config string) string {
	var b strings.Builder
	for line := range strings.Lines(config) {
		if !strings.HasPrefix(line, "#") && line != "\n" {
			b.WriteString(line)
		}
	}
	return b.String()
}

// release returns the kernel's release: the name of its module tree, or the end of
// its configuration's name as distributions name it, config-RELEASE.
func (c Config) release() string {
	if c.Tree != nil {
		return c.Tree.Release
	}
	release, _ := strings.CutPrefix(filepath.Base(c.Kconfig), "config-")
	if release == filepath.Base(c.Kconfig) {
		return ""
	}
	return release
}

func (c Config) moduleRecords() (records []cpio.Record, missing []string, err error) {
	modules, missing, err := c.Tree.Closure(c.Modules)
	if err != nil {
		return nil, nil, err
	}
	root := path.Join("lib/modules", c.Tree.Release)
	for _, m := range modules {
		records = append(records, cpio.StaticFile(path.Join(root, m.Path), string(m.Data), 0o644))
	}
	lists, err := c.Tree.lists(modules)
	if err != nil {
		return nil, nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(lists)) {
		records = append(records, cpio.StaticFile(path.Join(root, name), string(lists[name]), 0o644))
	}
	return records, missing, nil
}

// compress packs the archive as LZ4, which a kernel unpacks fastest: zstd makes it
// a fifth smaller, and takes 60 ms more under emulation. The kernel reads the
// legacy format alone (lib/decompress_unlz4.c).
func compress(out io.Writer, records []cpio.Record) error {
	packer := lz4.NewWriter(out)
	// One goroutine: the bytes must not depend on the machine.
	if err := packer.Apply(lz4.LegacyOption(true), lz4.CompressionLevelOption(lz4.Level9), lz4.ConcurrencyOption(1)); err != nil {
		return err
	}
	cpio.MakeAllReproducible(records)
	writer := cpio.Newc.Writer(packer)
	if err := cpio.WriteRecordsAndDirs(writer, records); err != nil {
		return err
	}
	if err := cpio.WriteTrailer(writer); err != nil {
		return err
	}
	if err := packer.Close(); err != nil {
		return err
	}
	_, err := out.Write(lz4End)
	return err
}

// lz4End is a block of no bytes, at which a kernel stops. The format itself has no
// end: a kernel would read an archive behind it as one more block.
var lz4End = make([]byte, 4)
