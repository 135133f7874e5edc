package efi_test

import (
	"bytes"
	"errors"
	"io/fs"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"vmspec/probes/efi"
	"vmspec/probes/fdt"
	"vmspec/probes/guest/guesttest"
)

// booted is the least that a guest booted by UEFI shows, and files.
func booted(t *testing.T, files map[string]string) *efi.Facts {
	t.Helper()
	m := fstest.MapFS{
		"sys/firmware/efi/fw_platform_size": {Data: []byte("64\n")},
		"proc/sys/kernel/osrelease":         {Data: []byte("6.1.0\n")},
		"proc/cmdline":                      {Data: []byte("quiet\n")},
		"sys/module/vfat/x":                 {},
	}
	for name, text := range files {
		m[name] = &fstest.MapFile{Data: []byte(text)}
	}
	f, err := efi.Read(m)
	require.NoError(t, err)
	require.True(t, f.Booted)
	return f
}

func TestRevision(t *testing.T) {
	tests := map[string]struct {
		a, b efi.Revision
		text string // a's
		less bool
	}{
		"equal":                 {efi.Revision{Major: 2, Minor: 40}, efi.Revision{Major: 2, Minor: 40}, "2.40", false},
		"2.10 is not below 2.4": {efi.Revision{Major: 2, Minor: 100}, efi.Revision{Major: 2, Minor: 40}, "2.100", false},
		"2.3.1 is below 2.4":    {efi.Revision{Major: 2, Minor: 31}, efi.Revision{Major: 2, Minor: 40}, "2.31", true},
		"2.0 has two digits":    {efi.Revision{Major: 2}, efi.Revision{Major: 2, Minor: 40}, "2.00", true},
		"1.10 is below 2.0":     {efi.Revision{Major: 1, Minor: 100}, efi.Revision{Major: 2}, "1.100", true},
		"3.0 is not below 2.4":  {efi.Revision{Major: 3}, efi.Revision{Major: 2, Minor: 40}, "3.00", false},
		"2.4 is below 2.10":     {efi.Revision{Major: 2, Minor: 40}, efi.Revision{Major: 2, Minor: 100}, "2.40", true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, test.less, test.a.Less(test.b))
			require.Equal(t, test.text, test.a.String())
		})
	}
}

func TestReadNotBooted(t *testing.T) {
	f, err := efi.Read(fstest.MapFS{"sys/firmware/fdt": {}, "vmspec/efi": {Data: []byte("revision 0x20046\n")}})
	require.NoError(t, err, "absence is an answer")
	require.Equal(t, &efi.Facts{}, f)
	f, err = efi.Read(guesttest.Open(t, "qemu-virt-gicv2"))
	require.NoError(t, err)
	require.Equal(t, &efi.Facts{}, f)
	_, err = efi.Read(failingFS{errors.ErrUnsupported})
	require.ErrorIs(t, err, errors.ErrUnsupported)
}

func TestReadTables(t *testing.T) {
	tests := map[string]struct {
		text, err string
		revision  *efi.Revision
		vendor    string
		tables    []efi.Table
	}{
		"failed":               {"error map /dev/mem: operation not permitted\n", "not permitted", nil, "", nil},
		"failed half-way":      {"revision 0x20046\ntable g 0x1\nerror cut\n", "cut", &efi.Revision{Major: 2, Minor: 70}, "", []efi.Table{{GUID: "g", Address: "0x1"}}},
		"revision no number":   {"revision x\n", `revision: REVISION: "x" is not a number`, nil, "", nil},
		"revision over 32 bit": {"revision 0x100000000\n", `revision: REVISION: "0x100000000" is not a number`, nil, "", nil},
		"vendor not quoted":    {"vendor EDK II\n", `vendor: TEXT: "EDK II" is not a quoted text`, nil, "", nil},
		"UEFI 2.10":            {"revision 0x20064\nvendor \"a \\\"b\"\n", "", &efi.Revision{Major: 2, Minor: 100}, `a "b`, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f := booted(t, map[string]string{"vmspec/efi": test.text})
			require.Equal(t, test.revision, f.Revision)
			require.Equal(t, test.vendor, f.Vendor)
			require.Equal(t, test.tables, f.Tables)
			require.Equal(t, test.err == "", f.TablesErr == "")
			require.Contains(t, f.TablesErr, test.err)
			has, known := f.Table("none")
			require.False(t, has)
			require.Equal(t, test.err == "", known, "a table not seen may be in the part not read")
			if len(test.tables) > 0 {
				has, known = f.Table(test.tables[0].GUID)
				require.True(t, has && known)
			}
		})
	}
}

func TestReadLog(t *testing.T) {
	seventy := &efi.Revision{Major: 2, Minor: 70}
	tests := map[string]struct {
		log, note string
		want      *efi.Revision
		source    string
	}{
		"no such message":        {"[    0.000000] efi: SMBIOS 3.0=0x1\n", "", nil, ""},
		"log failed":             {"error operation not permitted\n", "", nil, ""},
		"number over all bounds": {"[    0.000000] efi: EFI vx.7 by X\n", "", nil, ""},
		"Linux 6.1":              {"[    0.000000] efi: EFI v2.70 by EDK II\n", "", seventy, "kernel log"},
		"Linux 6.15":             {"[    0.000000] efi: EFI v2.7 by EDK II\n", "", seventy, "kernel log"},
		"Linux 6.15, UEFI 2.3.1": {"[    0.000000] efi: EFI v2.3.1 by X\n", "", &efi.Revision{Major: 2, Minor: 31}, "kernel log"},
		"Linux 6.15, UEFI 2.10":  {"[    0.000000] efi: EFI v2.10 by X\n", "", &efi.Revision{Major: 2, Minor: 100}, "kernel log"},
		"Linux 6.1, UEFI 2.10":   {"[    0.000000] efi: EFI v2.100 by X\n", "", &efi.Revision{Major: 2, Minor: 100}, "kernel log"},
		"the table goes first":   {"[    0.000000] efi: EFI v2.40 by X\n", "revision 0x20046\n", seventy, "system table"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f := booted(t, map[string]string{"vmspec/kmsg": test.log, "vmspec/efi": test.note})
			require.Equal(t, test.want, f.Revision)
			require.Equal(t, test.source, f.Source)
		})
	}
	require.Equal(t, "EDK II", booted(t, map[string]string{"vmspec/kmsg": "efi: EFI v2.70 by EDK II"}).Vendor)
}

func TestReadRuntime(t *testing.T) {
	const on = "[    0.067310] Remapping and enabling EFI services.\n"
	tests := map[string]struct {
		line, log string
		want      efi.Runtime
	}{
		"log says nothing":        {"quiet", "", efi.RuntimeUnknown},
		"kernel has them off":     {"quiet", "[    0.1] EFI runtime services will be disabled.\n", efi.RuntimeDisabled},
		"no virtual map":          {"quiet", on + "[    0.1] UEFI virtual mapping missing or invalid -- runtime services will not be accessible\n", efi.RuntimeOff},
		"switched off, in a list": {"efi=debug,noruntime", on, efi.RuntimeDisabled},
		"efi=noruntime":           {"efi=noruntime", on, efi.RuntimeDisabled},
		"noefi":                   {"noefi", "", efi.RuntimeDisabled},
		"another efi= of ours":    {"efi=debug", on, efi.RuntimeOn},
		"on":                      {"quiet", on, efi.RuntimeOn},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f := booted(t, map[string]string{"proc/cmdline": test.line, "vmspec/kmsg": test.log})
			require.Equal(t, test.want, f.Runtime)
		})
	}
	require.True(t, booted(t, map[string]string{"proc/cmdline": "dtb=/my.dtb"}).DTBParameter)
	require.False(t, booted(t, map[string]string{"proc/cmdline": "initrd=dtb"}).DTBParameter)
}

func TestReadVariables(t *testing.T) {
	const mounts = "20 1 0:19 / /sys rw,relatime - sysfs sysfs rw\n"
	const line = "25 20 0:23 / /sys/firmware/efi/efivars "
	tests := map[string]struct{ mounts, want string }{
		"not mounted":              {mounts, ""},
		"device called so":         {"25 1 0:23 / /x rw - tmpfs efivarfs rw\n", ""},
		"read-only":                {mounts + line + "ro,relatime - efivarfs efivarfs rw\n", "ro"},
		"a read-only file system":  {mounts + line + "rw,relatime - efivarfs efivarfs ro\n", "ro"},
		"writable":                 {mounts + line + "rw,nosuid shared:7 - efivarfs efivarfs rw\n", "rw"},
		"mounted with no relation": {"25 1 0:23 / /v rw - efivarfs none rw\n", "rw"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f := booted(t, map[string]string{"proc/self/mountinfo": test.mounts})
			require.Equal(t, test.want, f.Variables)
			require.Empty(t, f.VariableErr)
		})
	}
	require.Contains(t, booted(t, nil).VariableErr, "file does not exist", "not the same as not mounted")
	for _, cut := range []string{"25 20 0:23 / /x\n", "25 20 0:23 / /x rw - efivarfs\n", "x y 0:23 / /x rw - efivarfs efivarfs rw\n"} {
		require.Contains(t, booted(t, map[string]string{"proc/self/mountinfo": cut}).VariableErr, "proc/self/mountinfo: line 1 is no mount")
	}

	failed := map[string]string{"vmspec/mounts": "error mount efivarfs: no such device\n", "proc/self/mountinfo": mounts}
	require.Contains(t, booted(t, failed).MountErr, "no such device")
	failed["proc/self/mountinfo"] = line + "rw - efivarfs efivarfs rw\n"
	require.Empty(t, booted(t, failed).MountErr, "another mounted it")
}

func TestReadSystab(t *testing.T) {
	f := booted(t, map[string]string{"sys/firmware/efi/systab": "ACPI20=0x1\nSMBIOS3=0x2\n"})
	require.Equal(t, []string{"ACPI20=0x1", "SMBIOS3=0x2"}, f.Systab)
	require.Equal(t, 64, f.PlatformSize)
	require.Zero(t, booted(t, map[string]string{"sys/firmware/efi/fw_platform_size": "many"}).PlatformSize)
}

func TestReadCaptured(t *testing.T) {
	files := guesttest.Open(t, "qemu-virt-uefi-gicv3")
	f, err := efi.Read(files)
	require.NoError(t, err)
	require.True(t, f.Booted && f.Stub)
	require.Equal(t, "2.70 EDK II rw on", f.Revision.String()+" "+f.Vendor+" "+f.Variables+" "+string(f.Runtime))
	require.NotZero(t, f.Names)
	for guid, want := range map[string]bool{efi.DeviceTreeGUID: true, efi.ACPI20GUID: false} {
		has, known := f.Table(guid)
		require.True(t, known)
		require.Equal(t, want, has, guid)
	}

	tree, err := files.ReadFile(fdt.Path)
	require.NoError(t, err)
	for name, text := range map[string][]byte{"not the stub's tree": bytes.ReplaceAll(tree, []byte("linux,uefi-system"), []byte("linux,uefx-system")), "no tree": []byte("junk")} {
		f, err = efi.Read(files.With(map[string][]byte{fdt.Path: text}))
		require.NoError(t, err)
		require.False(t, f.Stub, name)
	}
}

type failingFS struct{ err error }

func (f failingFS) Open(name string) (fs.File, error) {
	return nil, &fs.PathError{Op: "open", Path: name, Err: f.err}
}

func TestCrash(t *testing.T) {
	for log, want := range map[string]string{
		"": "", "[    0.1] Remapping and enabling EFI services.\n": "",
		"[    9.1] [Firmware Bug]: Unable to handle paging request in EFI runtime service\n":                                                    "[Firmware Bug]: Unable to handle paging request in EFI runtime service",
		"[    9.0] efi: EFI Runtime Services are disabled!\n[    9.1] [Firmware Bug]: Unable to handle paging request in EFI runtime service\n": "[Firmware Bug]: Unable to handle paging request in EFI runtime service",
		"[    9.1] efi: EFI Runtime Services are disabled!\n":                                                                                   "efi: EFI Runtime Services are disabled!",
		"[    9.1] efi: Froze efi_rts_wq and disabled EFI Runtime Services\n":                                                                   "efi: Froze efi_rts_wq and disabled EFI Runtime Services",
	} {
		require.Equal(t, want, booted(t, map[string]string{"vmspec/kmsg": log}).Crash, log)
	}
	require.Equal(t, efi.RuntimeOn, booted(t, map[string]string{"vmspec/kmsg": "[    0.1] EFI runtime services access via paravirt.\n"}).Runtime)
}
