// Package mutantstest breaks captured guests, disk images and logs as rows of the
// table of mutants say, and tells what was found. Only tests import it.
package mutantstest

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vmspec/probes/fdt"
	"vmspec/probes/fdt/fdttest"
	"vmspec/probes/guest"
)

// A Change breaks a captured guest in one way.
type Change func(t testing.TB, files *guest.FS) *guest.FS

// Replace gives a file another content.
func Replace(name, content string) Change {
	return func(_ testing.TB, files *guest.FS) *guest.FS {
		return files.With(map[string][]byte{name: []byte(content)})
	}
}

// Remove takes files or links away.
func Remove(names ...string) Change {
	return func(_ testing.TB, files *guest.FS) *guest.FS {
		gone := map[string][]byte{}
		for _, name := range names {
			gone[name] = nil
		}
		return files.With(gone)
	}
}

// Edit changes text within a file, and fails where it is not there.
func Edit(name, old, new string) Change {
	return func(t testing.TB, files *guest.FS) *guest.FS {
		data, err := files.ReadFile(name)
		require.NoError(t, err)
		require.Contains(t, string(data), old)
		return files.With(map[string][]byte{name: bytes.ReplaceAll(data, []byte(old), []byte(new))})
	}
}

// Add appends lines to a file, which may not be there.
func Add(name, lines string) Change {
	return func(_ testing.TB, files *guest.FS) *guest.FS {
		data, _ := files.ReadFile(name)
		return files.With(map[string][]byte{name: append(data, lines...)})
	}
}

// Set changes bytes of a file.
func Set(name string, bytes map[int]byte) Change {
	return func(t testing.TB, files *guest.FS) *guest.FS {
		data, err := files.ReadFile(name)
		require.NoError(t, err)
		for at, b := range bytes {
			require.Less(t, at, len(data))
			data[at] = b
		}
		return files.With(map[string][]byte{name: data})
	}
}

// Link adds a symbolic link, by way of a capture.
func Link(name, target string) Change {
	return func(t testing.TB, files *guest.FS) *guest.FS {
		var before, after bytes.Buffer
		require.NoError(t, files.WriteCapture(&before))
		in, err := gzip.NewReader(&before)
		require.NoError(t, err)
		zip := gzip.NewWriter(&after)
		out := tar.NewWriter(zip)
		for entries := tar.NewReader(in); ; {
			h, err := entries.Next()
			if err == io.EOF {
				break
			}
			require.NoError(t, err)
			require.NoError(t, out.WriteHeader(h))
			_, err = io.Copy(out, entries)
			require.NoError(t, err)
		}
		require.NoError(t, out.WriteHeader(&tar.Header{Name: name, Linkname: target, Typeflag: tar.TypeSymlink, Format: tar.FormatPAX}))
		require.NoError(t, errors.Join(out.Close(), zip.Close()))
		linked, err := guest.ReadCapture(&after)
		require.NoError(t, err)
		return linked
	}
}

// All makes several changes.
func All(changes ...Change) Change {
	return func(t testing.TB, files *guest.FS) *guest.FS {
		for _, c := range changes {
			files = c(t, files)
		}
		return files
	}
}

// Kmsg adds a message to the kernel's log.
func Kmsg(message string) Change { return Add("vmspec/kmsg", "[    1.000000] "+message+"\n") }

// Patch changes bytes of an ACPI table and mends its checksum.
func Patch(name string, at int, bytes ...byte) Change {
	return func(t testing.TB, files *guest.FS) *guest.FS {
		name := "sys/firmware/acpi/tables/" + name
		table, err := files.ReadFile(name)
		require.NoError(t, err)
		copy(table[at:], bytes)
		var sum byte
		table[9] = 0
		for _, b := range table {
			sum += b
		}
		table[9] = -sum
		return files.With(map[string][]byte{name: table})
	}
}

// Tree changes the guest's tree as package fdt reads it.
func Tree(edit func(t *fdt.Tree)) Change {
	return func(t testing.TB, files *guest.FS) *guest.FS {
		data, err := files.ReadFile(fdt.Path)
		require.NoError(t, err)
		tree, err := fdt.Parse(data)
		require.NoError(t, err)
		edit(tree)
		return files.With(map[string][]byte{fdt.Path: fdttest.Encode(tree)})
	}
}

// modulesDir is of the captured guests' kernel.
const modulesDir = "lib/modules/6.1.0-56-arm64/"

// NoOption removes an option from the kernel, and its modules.
func NoOption(option string, modules ...string) Change {
	changes := []Change{Edit(modulesDir+"config", option+"=", "NOT_"+option+"=")}
	for _, m := range modules {
		changes = append(changes, NoModule(m))
	}
	return All(changes...)
}

// NoModule removes a module, in every place that lists it.
func NoModule(module string) Change {
	marks := map[string]string{
		"vmspec/modules":                       " " + module,
		modulesDir + "modules.alias":           " " + module + "\n",
		modulesDir + "modules.builtin.modinfo": module + ".",
	}
	return func(_ testing.TB, files *guest.FS) *guest.FS {
		changed := map[string][]byte{"sys/module/" + module: nil}
		for name, mark := range marks {
			if data, err := files.ReadFile(name); err == nil {
				changed[name] = bytes.ReplaceAll(data, []byte(mark), []byte(strings.Replace(mark, module, "no_"+module, 1)))
			}
		}
		return files.With(changed)
	}
}
