package target

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Of /etc/os-release.
const (
	bookworm = "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nVERSION_ID=\"12\"\nID=debian\n"
	trixie   = "PRETTY_NAME=\"Debian GNU/Linux 13 (trixie)\"\nVERSION_ID=\"13\"\nID=debian\n"
	duke     = "PRETTY_NAME=\"Debian GNU/Linux 15 (duke)\"\nVERSION_ID=\"15\"\nID=debian\n"
	unstable = "PRETTY_NAME=\"Debian GNU/Linux forky/sid\"\nVERSION_CODENAME=forky\nID=debian\n"
	ubuntu   = "PRETTY_NAME=\"Ubuntu 26.04 LTS\"\nVERSION_ID=\"26.04\"\nID=ubuntu\nID_LIKE=debian\n"
	fedora   = "NAME='Fedora Linux'\nPRETTY_NAME='Fedora Linux 43'\nVERSION_ID=43\nID=fedora\n"
	rocky    = "PRETTY_NAME=\"Rocky Linux 9.4\"\nID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\nVERSION_ID=\"9.4\"\n"
	arch     = "PRETTY_NAME=\"Arch Linux\"\nID=arch\n"
)

func TestParseSystem(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       System
	}{
		{"nothing", "", System{IDs: []string{}}},
		{"no line of its own", "\x00\x00=\n==\n# ID=debian\n", System{IDs: []string{}}},
		{"no number", "ID=x\nVERSION_ID=rolling\n", System{IDs: []string{"x"}}},
		{"Debian", bookworm, System{"Debian GNU/Linux 12 (bookworm)", []string{"debian"}, 12}},
		{"a release to come", unstable, System{"Debian GNU/Linux forky/sid", []string{"debian"}, 0}},
		{"like Debian", ubuntu, System{"Ubuntu 26.04 LTS", []string{"ubuntu", "debian"}, 26}},
		{"other quotes", fedora, System{"Fedora Linux 43", []string{"fedora"}, 43}},
		{"like three", rocky, System{"Rocky Linux 9.4", []string{"rocky", "rhel", "centos", "fedora"}, 9}},
	} {
		t.Run(c.name, func(t *testing.T) { require.Equal(t, c.want, ParseSystem(c.text)) })
	}
}

func TestMissing(t *testing.T) {
	files := []string{"/a/code", "/b/code"}
	darwin := System{Name: "darwin", IDs: []string{"darwin"}}
	for _, c := range []struct {
		name   string
		system System
		p      Package
		want   string
	}{
		{"Debian", ParseSystem(bookworm), aavmf32.Package, "apt-get install qemu-efi-arm"},
		{"the last Debian that has it", ParseSystem(trixie), aavmf32.Package, "apt-get install qemu-efi-arm"},
		{"a later one", ParseSystem(duke), aavmf32.Package,
			"Debian GNU/Linux 15 (duke) has no package qemu-efi-arm, so qemu-virt32-uefi, qemu-image32 cannot start"},
		{"unstable", ParseSystem(unstable), aavmf32.Package,
			"Debian GNU/Linux forky/sid has no package qemu-efi-arm, so qemu-virt32-uefi, qemu-image32 cannot start"},
		{"unstable, what it has", ParseSystem(unstable), aavmf.Package, "apt-get install qemu-efi-aarch64"},
		{"Ubuntu is not Debian", ParseSystem(ubuntu), aavmf32.Package, "apt-get install qemu-efi-arm"},
		{"Fedora", ParseSystem(fedora), aavmf.Package, "dnf install edk2-aarch64"},
		{"Rocky", ParseSystem(rocky), aavmf32.Package, "dnf install edk2-arm"},
		{"macOS", darwin, aavmf.Package, "brew install qemu"},
		{"macOS, what it lacks", darwin, uboot.Package, "looked for /a/code, /b/code, of which Debian's package u-boot-qemu has one"},
		{"another", ParseSystem(arch), aavmf.Package, "looked for /a/code, /b/code, of which Debian's package qemu-efi-aarch64 has one"},
		{"unknown", System{}, aavmf.Package, "looked for /a/code, /b/code, of which Debian's package qemu-efi-aarch64 has one"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := c.system.missing("it", c.p, files)
			require.EqualError(t, err, "it is not installed: "+c.want)
			require.ErrorIs(t, err, ErrMissing)
		})
	}
}

func TestFindProgram(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	for _, c := range []struct {
		e      Emulator
		system System
		want   string
	}{
		{Emulators()[0], ParseSystem(bookworm), "qemu-system-aarch64 is not installed: apt-get install qemu-system-arm"},
		{Emulators()[1], ParseSystem(fedora), "qemu-system-arm is not installed: dnf install qemu-system-arm"},
		{Emulators()[1], ParseSystem(arch), "qemu-system-arm is not installed: Debian's package qemu-system-arm has it"},
	} {
		_, err := c.e.find(c.system)
		require.EqualError(t, err, c.want)
	}
}

// A package that ended must be one that somebody needs.
func TestLastDebianNamesOurs(t *testing.T) {
	for name := range lastDebian {
		require.NotEmpty(t, Package{Debian: name, Fedora: aavmf32.Package.Fedora}.users(), name)
	}
}
