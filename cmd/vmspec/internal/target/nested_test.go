package target_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vmspec/cmd/vmspec/internal/target"
	"vmspec/probes/fdt"
)

func find(t *testing.T, name string) target.Target {
	t.Helper()
	to, err := target.Find(name)
	require.NoError(t, err)
	return to
}

// The host starts the ordinary targets, by KVM. Every word reaches QEMU as it is.
func TestHostScript(t *testing.T) {
	o := with(func(o *target.Options) { o.GIC, o.Append = 2, "vmspec.only=it's" })
	script := find(t, "kvm-qemu").HostScript(o)
	require.True(t, strings.HasPrefix(script, "exec qemu-system-aarch64 '-nodefaults' "), script)
	require.Contains(t, script, " '-machine' 'virt,gic-version=2' '-accel' 'kvm' '-cpu' 'host' ")
	require.Contains(t, script, ` '-append' 'panic=-1 vmspec.only=it'\''s' `)
	script = find(t, "kvm-qemu32").HostScript(o)
	require.Contains(t, script, " '-accel' 'kvm' '-cpu' 'host,aarch64=off' ")
	require.Contains(t, script, " 'virt,gic-version=2,acpi=off' ")
	o.Code, o.Vars = "/guest/code.fd", "/guest/vars.fd"
	require.Contains(t, find(t, "kvm-qemu-uefi").HostScript(o), "'if=pflash,format=raw,file=/guest/vars.fd'")
}

func TestDomainConfig(t *testing.T) {
	o := with(func(o *target.Options) { o.CPUs, o.Memory = 2, 300 })
	config := target.DomainConfig(find(t, "xen-domu"), o, "/k", "/i")
	for _, line := range []string{
		`kernel = "/k"`, `ramdisk = "/i"`, `extra = "panic=-1 kpti=off cryptomgr.notests vmspec.nonce=01234567"`,
		"memory = 300", "vcpus = 2", `cpus = "1-2"`,
	} {
		require.Contains(t, config, line+"\n")
	}
	require.NotContains(t, config, "virtio")
	o.Append = `a="b c" d='e`
	require.Contains(t, target.DomainConfig(find(t, "xen-domu"), o, "/k", "/i"), `extra = 'panic=-1 kpti=off cryptomgr.notests a="b c" d=e'`+"\n")
}

func TestDom0lessTree(t *testing.T) {
	machine := fdt.Encode(&fdt.Tree{Root: &fdt.Node{Children: []*fdt.Node{{Name: "chosen"}, {Name: "cpus"}}}})
	o := with(func(o *target.Options) { o.CPUs = 2 })
	blob, err := target.Dom0lessTree(machine, find(t, "xen-dom0less"), o, 1000, 20)
	require.NoError(t, err)
	tree, err := fdt.Parse(blob)
	require.NoError(t, err)
	domain := tree.Lookup("/chosen/domU1")
	require.NotNil(t, domain)
	require.Equal(t, []string{"xen,domain"}, domain.Compatible())
	cpus, _ := domain.Cells("cpus")
	require.Equal(t, []uint32{2}, cpus)
	memory, _ := domain.Cells("memory")
	require.Equal(t, []uint32{0, 512 << 10}, memory, "in KiB")
	for name, size := range map[string]uint64{"module@49000000": 1000, "module@4d000000": 20} {
		module := domain.Child(name)
		require.NotNil(t, module, name)
		reg, err := module.Reg()
		require.NoError(t, err)
		require.Equal(t, size, reg[0].Size)
	}
	bootargs, _ := domain.Child("module@49000000").String("bootargs")
	require.Equal(t, "panic=-1 kpti=off cryptomgr.notests vmspec.nonce=01234567", bootargs)

	for name, c := range map[string]struct {
		machine []byte
		want    string
	}{
		"no tree":   {[]byte("QEMU"), "the machine's device tree: "},
		"no chosen": {fdt.Encode(&fdt.Tree{Root: &fdt.Node{}}), "has no /chosen"},
	} {
		_, err := target.Dom0lessTree(c.machine, find(t, "xen-dom0less"), o, 1, 1)
		require.ErrorContains(t, err, c.want, name)
	}
}
