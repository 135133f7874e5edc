package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vmspec/cmd/vmspec/internal/target"
)

func TestWriteDoctor(t *testing.T) {
	missing := func(name, why string) thing {
		return thing{name: name, err: fmt.Errorf("%s %w: %s", name, target.ErrMissing, why)}
	}
	const none = "Debian GNU/Linux forky/sid has no package qemu-efi-arm, so qemu-virt32-uefi, qemu-image32 cannot start"
	var b strings.Builder
	require.NoError(t, writeDoctor(&b, []thing{{name: "system", found: "a system"}}, []thing{
		{name: target.Binary, found: "/usr/bin/qemu (1.2.3)"},
		missing(target.Binary32, "apt-get install qemu-system-arm"),
		{name: "AAVMF", found: "/a/code (1)"},
		missing("AAVMF32", none),
		{name: "kernel arm64", err: errors.New("build/arm64/Image is not there")},
		{name: "kernel arm", found: "build/arm/Image (6.1)"},
		{name: "disk image", found: "vmspec.img"},
	}))
	require.Equal(t, `system               a system
qemu-system-aarch64  /usr/bin/qemu (1.2.3)
qemu-system-arm      missing: apt-get install qemu-system-arm
AAVMF                /a/code (1)
AAVMF32              missing: Debian GNU/Linux forky/sid has no package
                     qemu-efi-arm, so qemu-virt32-uefi, qemu-image32 cannot
                     start
kernel arm64         missing: build/arm64/Image is not there
kernel arm           build/arm/Image (6.1)
disk image           vmspec.img

qemu-virt            cannot start without kernel arm64
qemu-virt-uefi       cannot start without kernel arm64
qemu-virt-acpi       cannot start without kernel arm64
qemu-virt-both       cannot start without kernel arm64
qemu-virt-both-acpi  cannot start without kernel arm64
qemu-image           can start
qemu-image-acpi      can start
qemu-uboot           can start
qemu-virt32          cannot start without qemu-system-arm
qemu-virt32-uefi     cannot start without qemu-system-arm, AAVMF32
qemu-image32         cannot start without qemu-system-arm, AAVMF32
qemu-uboot32         cannot start without qemu-system-arm
xen-dom0             cannot start without kernel arm64
xen-dom0less         cannot start without kernel arm64
xen-domu             cannot start without kernel arm64
kvm-qemu             cannot start without kernel arm64
kvm-qemu-uefi        cannot start without kernel arm64
kvm-qemu-acpi        cannot start without kernel arm64
kvm-qemu32           can start
`, b.String())
}

func TestWrap(t *testing.T) {
	require.Empty(t, wrap("", 5))
	require.Equal(t, []string{"a b c", "d"}, wrap(" a b  c\nd", 5))
	require.Equal(t, []string{"a", "/longer/than/that", "b"}, wrap("a /longer/than/that b", 5))
}

func TestUBootVersion(t *testing.T) {
	name := filepath.Join(t.TempDir(), "u-boot.bin")
	require.Empty(t, ubootVersion(t.Context(), name))
	for text, want := range map[string]string{
		"":             "",
		"U-Boot":       "",
		"U-Boot SPL 2": "",
		"\x00U-Boot 2025.01+dfsg-1 (Jan 01 2025)\x00": "2025.01+dfsg-1",
	} {
		require.NoError(t, os.WriteFile(name, []byte(text), 0o644))
		require.Equal(t, want, ubootVersion(t.Context(), name), text)
	}
}
