package initramfs

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParsePackage(t *testing.T) {
	for name, c := range map[string]struct {
		show string
		want []string
	}{
		"nothing":             {"", nil},
		"any version will do": {"Depends: initramfs-tools, linux-base (>= 4.3~), kmod\n", nil},
		"one version":         {"Package: linux-image-arm64\nDepends: linux-image-6.1.0-56-arm64 (= 6.1.192-2)\nSize: 1448\n", []string{"linux-image-6.1.0-56-arm64"}},
		"several": {"Depends: dracut | initramfs-tools (>= 0.120+deb8u2) | linux-initramfs-tool, linux-base-7.2-arm64 (= 7.2.13-1), linux-binary-7.2-arm64 (= 7.2.13-1)\n",
			[]string{"linux-base-7.2-arm64", "linux-binary-7.2-arm64"}},
		"alternatives":      {"Depends: a (= 1) | b (= 1)\n", []string{"a"}},
		"only a suggestion": {"Suggests: linux-doc (= 1)\n", nil},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, c.want, parsePackage("x", c.show).depends)
		})
	}
}

func TestFirstError(t *testing.T) {
	for name, c := range map[string]struct{ said, want string }{
		"nothing":   {"", ""},
		"one line":  {"dpkg-deb: error: no such file\n", "dpkg-deb: error: no such file"},
		"a warning": {"W: old\nE: Release file is expired\nE: more\n", "Release file is expired"},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, c.want, firstError(c.said)) })
	}
}

// fakeApt puts an archive in the place of apt's: a directory with a text for
// each package, as apt-cache show prints it, and the files that unpacking it
// leaves.
func fakeApt(t *testing.T, update string, shown map[string]string, files ...string) {
	t.Helper()
	bin, archive := t.TempDir(), t.TempDir()
	for name, text := range shown {
		require.NoError(t, os.WriteFile(filepath.Join(archive, name), []byte(text), 0o644))
	}
	last := `for last; do :; done; ` // of the arguments
	for name, script := range map[string]string{
		"apt-get": `case " $* " in
*" update "*) ` + update + ` ;;
*) found=; for a; do test -z "$found" || : > "${a}_1_arm64.deb"; test "$a" != download || found=1; done ;;
esac`,
		"apt-cache": last + `cat "` + archive + `/$last"`,
		"dpkg-deb": `for f in ` + joined(files) + `; do
case $2 in *"${f%%:*}"_*) mkdir -p "$3/$(dirname "${f#*:}")"; : > "$3/${f#*:}" ;; esac; done`,
	} {
		require.NoError(t, os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/sh\n"+script+"\n"), 0o755))
	}
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
}

func joined(files []string) (text string) {
	for _, f := range files {
		text += " " + f
	}
	return text
}

// Each release of Debian lays its kernel out in its own way.
func TestFetchKernel(t *testing.T) {
	for name, c := range map[string]struct {
		shown map[string]string
		files []string
		want  Kernel // below the directory that is unpacked into
	}{
		"Debian 12": {
			map[string]string{"linux-image-arm64": "Depends: linux-image-6.1-arm64 (= 6)\n", "linux-image-6.1-arm64": "Depends: kmod, linux-base (>= 4.3)\n"},
			[]string{"linux-image-6.1-arm64:boot/vmlinuz-6.1-arm64", "linux-image-6.1-arm64:boot/config-6.1-arm64", "linux-image-6.1-arm64:lib/modules/6.1-arm64/modules.builtin"},
			Kernel{"6.1-arm64", "boot/vmlinuz-6.1-arm64", "lib/modules/6.1-arm64", "boot/config-6.1-arm64"},
		},
		"Debian 13": {
			map[string]string{"linux-image-arm64": "Depends: linux-image-6.12-arm64 (= 6)\n", "linux-image-6.12-arm64": ""},
			[]string{"linux-image-6.12-arm64:boot/vmlinuz-6.12-arm64", "linux-image-6.12-arm64:boot/config-6.12-arm64", "linux-image-6.12-arm64:usr/lib/modules/6.12-arm64/modules.builtin"},
			Kernel{"6.12-arm64", "boot/vmlinuz-6.12-arm64", "usr/lib/modules/6.12-arm64", "boot/config-6.12-arm64"},
		},
		"unstable": {
			map[string]string{
				"linux-image-arm64": "Depends: linux-base-arm64 (= 7), linux-image-7.2-arm64 (= 7)\n", "linux-base-arm64": "",
				"linux-image-7.2-arm64":  "Depends: linux-binary-7.2-arm64 (= 7), linux-modules-7.2-arm64 (= 7)\n",
				"linux-binary-7.2-arm64": "Depends: linux-base-7.2-arm64 (= 7)\n", "linux-modules-7.2-arm64": "Depends: linux-base-7.2-arm64 (= 7)\n", "linux-base-7.2-arm64": "",
			},
			[]string{"linux-binary-7.2-arm64:usr/lib/modules/7.2-arm64/vmlinuz", "linux-base-7.2-arm64:usr/lib/modules/7.2-arm64/config", "linux-modules-7.2-arm64:usr/lib/modules/7.2-arm64/kernel/a.ko.xz"},
			Kernel{"7.2-arm64", "usr/lib/modules/7.2-arm64/vmlinuz", "usr/lib/modules/7.2-arm64", "usr/lib/modules/7.2-arm64/config"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			fakeApt(t, "exit 0", c.shown, c.files...)
			dir := t.TempDir()
			k, err := FetchKernel(t.Context(), "arm64", dir, new(bytes.Buffer))
			require.NoError(t, err)
			root := filepath.Join(dir, unpacked)
			require.Equal(t, Kernel{c.want.Release, filepath.Join(root, c.want.Image), filepath.Join(root, c.want.Modules), filepath.Join(root, c.want.Config)}, k)
		})
	}
}

// GRUB's image moved from one package to another.
func TestFetchLoader(t *testing.T) {
	const bin, unsigned, image = "grub-efi-arm64-bin", "grub-efi-arm64-unsigned", "usr/lib/grub/arm64-efi/monolithic/grubaa64.efi"
	for name, c := range map[string]struct {
		shown map[string]string
		files []string
	}{
		"Debian 12": {map[string]string{bin: ""}, []string{bin + ":" + image}},
		"Debian 13": {map[string]string{bin: "", unsigned: ""}, []string{bin + ":usr/lib/grub/arm64-efi/fdt.mod", unsigned + ":" + image}},
		"alone":     {map[string]string{unsigned: ""}, []string{unsigned + ":" + image}},
	} {
		t.Run(name, func(t *testing.T) {
			fakeApt(t, "exit 0", c.shown, c.files...)
			dir := t.TempDir()
			got, err := FetchLoader(t.Context(), GRUB64, dir, new(bytes.Buffer))
			require.NoError(t, err)
			require.Equal(t, filepath.Join(dir, unpacked, image), got)
		})
	}
	fakeApt(t, "exit 0", nil)
	_, err := FetchLoader(t.Context(), GRUB64, t.TempDir(), new(bytes.Buffer))
	require.ErrorIs(t, err, ErrNoPackage)
	require.ErrorContains(t, err, bin)
}

func TestFetchKernelWithoutPackage(t *testing.T) {
	for name, c := range map[string]struct{ update, err string }{
		"archive has none": {"exit 0", "linux-image-arm64 for arm64: no such package in this machine's archive: use a Debian container, KERNEL= and MODULES=, or vmspec's release archive"},
		"no network":       {"echo 'E: Could not resolve' >&2; exit 100", "the package lists could not be read; try again with a network: update: apt-get: exit status 100: Could not resolve"},
	} {
		t.Run(name, func(t *testing.T) {
			fakeApt(t, c.update, nil)
			_, err := FetchKernel(t.Context(), "arm64", t.TempDir(), new(bytes.Buffer))
			require.EqualError(t, err, "fetch kernel for arm64: "+c.err)
		})
	}
}
