package target_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"vmspec/cmd/vmspec/internal/target"
)

func files(t *testing.T, names ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range names {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte("the "+name), 0o444))
	}
	return dir
}

// kind returns the kind of firmware that a target needs.
func kind(t *testing.T, name string) *target.Kind {
	t.Helper()
	to, err := target.Find(name)
	require.NoError(t, err)
	k := to.Firmware()
	require.NotNil(t, k)
	return k
}

func TestFirmwareNamed(t *testing.T) {
	dir := files(t, "code.fd", "vars.fd", "a b")
	in := func(name string) string { return filepath.Join(dir, name) }
	code, vars := in("code.fd"), in("vars.fd")
	cases := []struct {
		name, target, named string
		want                string // part of the error; empty for none
	}{
		{"no comma", "qemu-virt-uefi", code, "with a comma between"},
		{"code missing", "qemu-virt-uefi", in("none.fd") + "," + vars, "none.fd\" cannot be read"},
		{"store missing", "qemu-virt-uefi", code + "," + in("none.fd"), "none.fd\" cannot be read"},
		{"no store", "qemu-virt-uefi", code + ",", "\"\" cannot be read"},
		{"no code", "qemu-virt-uefi", "," + vars, "\"\" cannot be read"},
		{"only a comma", "qemu-virt-uefi", ",", "cannot be read"},
		{"two commas", "qemu-virt-uefi", code + "," + vars + ",", "cannot be read"},
		{"space behind the comma", "qemu-virt-uefi", code + ", " + vars, "cannot be read"},
		{"both there", "qemu-virt-uefi", code + "," + vars, ""},
		{"U-Boot missing", "qemu-uboot", code + "x", "code.fdx\" cannot be read"},
		{"U-Boot and a store", "qemu-uboot", code + "," + vars, "cannot be read"},
		{"U-Boot there", "qemu-uboot", code, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			f, err := kind(t, c.target).Find(c.named)
			if c.want != "" {
				require.ErrorContains(t, err, "--firmware "+c.named+": ")
				require.ErrorContains(t, err, c.want)
				require.Zero(t, f)
				return
			}
			require.NoError(t, err)
			want := target.Firmware{Code: code}
			if c.target == "qemu-virt-uefi" {
				want.Vars = vars
			}
			require.Equal(t, want, f)
		})
	}
}

// What is installed depends on the machine; the answer is the files, or how to
// get them.
func TestFirmwareInstalled(t *testing.T) {
	for _, k := range target.Kinds() {
		f, err := k.Find("")
		if err != nil {
			require.ErrorIs(t, err, target.ErrMissing)
			require.ErrorContains(t, err, k.Is)
			require.ErrorContains(t, err, "--firmware "+k.Names)
			continue
		}
		require.Contains(t, k.Files, f)
		require.FileExists(t, f.Code)
	}
}

// Where several files would do, the first that is whole is taken.
func TestFirmwareFirstWhole(t *testing.T) {
	dir := files(t, "a", "b", "b.vars", "c", "c.vars")
	in := func(name string) target.Firmware {
		return target.Firmware{Code: filepath.Join(dir, name), Vars: filepath.Join(dir, name+".vars")}
	}
	k := target.Kind{Files: []target.Firmware{in("none"), in("a"), in("b"), in("c")}}
	f, err := k.Find("")
	require.NoError(t, err)
	require.Equal(t, in("b"), f)
}

func TestTargetsHaveFirmware(t *testing.T) {
	for _, to := range target.All() {
		k := to.Firmware()
		require.Equal(t, to.UEFI || to.UBoot, k != nil, to.Name)
		if k != nil {
			require.NotEmpty(t, k.Package.Debian)
			require.Equal(t, to.UEFI, k.Files[0].Vars != "", to.Name)
		}
	}
}

func TestOwnVars(t *testing.T) {
	dir, run := files(t, "vars.fd"), t.TempDir()
	f := target.Firmware{Vars: filepath.Join(dir, "vars.fd")}
	own, err := f.OwnVars(run)
	require.NoError(t, err)
	require.Equal(t, run, filepath.Dir(own))
	data, err := os.ReadFile(own)
	require.NoError(t, err)
	require.Equal(t, "the vars.fd", string(data))

	// The template is read-only; the copy is for QEMU to write, and writing it
	// leaves the template alone.
	require.NoError(t, os.WriteFile(own, []byte("changed"), 0o600))
	info, err := os.Stat(own)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	data, err = os.ReadFile(f.Vars)
	require.NoError(t, err)
	require.Equal(t, "the vars.fd", string(data))
}

func TestOwnVarsErrors(t *testing.T) {
	dir := files(t, "vars.fd")
	for _, c := range []struct{ name, vars, run string }{
		{"template gone", filepath.Join(dir, "none.fd"), t.TempDir()},
		{"template is a directory", dir, t.TempDir()},
		{"run's directory gone", filepath.Join(dir, "vars.fd"), filepath.Join(dir, "none")},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := target.Firmware{Vars: c.vars}.OwnVars(c.run)
			require.ErrorContains(t, err, "make a variable store: ")
		})
	}
}
