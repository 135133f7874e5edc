package kernel

// A Driver is a part of the kernel that a probe needs to see something, by its
// configuration option and, where it can be a module, the module's name.
//
// A module is loaded where the path With exists; without one, where a device
// asks for it by its modalias.
type Driver struct{ Option, Module, With string }

// Drivers lists what the suite wants in a guest's kernel.
var Drivers = []Driver{
	{Option: "CONFIG_EFIVAR_FS", Module: "efivarfs", With: "sys/firmware/efi"},
	{Option: "CONFIG_RTC_DRV_EFI", Module: "rtc_efi", With: "sys/firmware/efi"},
	{Option: "CONFIG_SERIAL_AMBA_PL011", Module: "amba_pl011"},
	{Option: "CONFIG_VIRTIO_PCI", Module: "virtio_pci"},
	{Option: "CONFIG_VIRTIO_MMIO", Module: "virtio_mmio"},
	{Option: "CONFIG_VIRTIO_CONSOLE", Module: "virtio_console"},
	{Option: "CONFIG_VIRTIO_BLK", Module: "virtio_blk"},
	{Option: "CONFIG_VIRTIO_NET", Module: "virtio_net"},
	{Option: "CONFIG_VIRTIO_BALLOON", Module: "virtio_balloon"},
	{Option: "CONFIG_HW_RANDOM_VIRTIO", Module: "virtio_rng"},
	{Option: "CONFIG_VIRTIO_VSOCKETS", Module: "vmw_vsock_virtio_transport"},
	{Option: "CONFIG_VIRTIO_FS", Module: "virtiofs"},
	{Option: "CONFIG_XEN_BLKDEV_FRONTEND", Module: "xen_blkfront"},
	{Option: "CONFIG_XEN_NETDEV_FRONTEND", Module: "xen_netfront"},
	{Option: "CONFIG_XENFS", Module: "xenfs", With: "proc/xen"},
	{Option: "CONFIG_TCG_TIS", Module: "tpm_tis"},
	{Option: "CONFIG_TCG_CRB", Module: "tpm_crb"},
}

// Modules lists the drivers' module names.
func Modules() []string {
	var out []string
	for _, d := range Drivers {
		out = append(out, d.Module)
	}
	return out
}
