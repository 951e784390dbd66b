/* snbench: composes the benchmarks, and the variants they are made of, with the harness. */
#include "bench/benches.h"
#include "bench/calibrate_device.h"
#include "bench/device.h"
#include "bench/fabric_export.h"
#include "bench/llm_step.h"
#include "bench/model.h"
#include "bench/plugin.h"
#include "comm/moe.h"
#include "comm/routing.h"
#include "comm/transport.h"
#include "harness/cli.h"
#include "kernels/kernel.h"

int main(int argc, char **argv)
{
    static const struct sn_listing listings[] = {
        {"transports", sn_transport_list}, {"algorithms", sn_moe_algorithm_list},
        {"routings", sn_routing_list},     {"profiles", sn_profile_list},
        {"kernels", sn_kernel_list},       {"devices", sn_device_list},
        {"models", sn_llm_list},           {NULL, NULL},
    };
    static const struct sn_app_command commands[] = {
        {"calibrate", "DIR... [-o FILE] | steps -o FILE [--device NAME]",
         "write a fabric or device profile from the measured rows of DIR; steps: a device's from "
         "published times of whole steps",
         sn_calibrate_all},
        {"fabric", "export [dies=N traffic=WORD size=BYTES order=WORD seed=N] -o DIR",
         "a network and a traffic for another simulator", sn_fabric_export},
        {"step",
         "MODEL [decode|prefill] [requests=N ctx=N dies=N ...] [--device NAME] [--format yaml]",
         "the kernels that a die runs in one step of a model", sn_llm_command},
        {NULL, NULL, NULL, NULL},
    };
    const struct sn_app app = {.benches = sn_benches,
                               .listings = listings,
                               .commands = commands,
                               .shared_open = sn_model_open,
                               .shared_close = sn_model_close,
                               .describe_model = sn_model_describe,
                               .describe_device = sn_device_describe,
                               .plugins_open = sn_plugins_open,
                               .plugins_describe = sn_plugins_describe};
    sn_kernels_open();
    return sn_cli_main(argc, argv, &app);
}
